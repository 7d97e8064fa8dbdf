#include <gtest/gtest.h>

#include "tunescope/sweep/lanes.hpp"

namespace tunescope {
namespace {

// Steps of a machine that computes so many tokens a second with so many lanes, until the number stays.
std::size_t settle(LaneCount& count, double (*tokens_a_second)(std::size_t lanes)) {
  for (int step = 0; step < 2000; ++step) {
    const std::size_t lanes = count.wanted();
    const auto tokens = static_cast<std::int64_t>(200 * lanes);
    count.record(lanes, {.tokens = tokens, .seconds = static_cast<double>(tokens) / tokens_a_second(lanes)});
  }
  return count.wanted();
}

TEST(LaneCount, KeepsToAFixedNumber) {
  LaneCount count(5, 99);
  EXPECT_EQ(settle(count, [](std::size_t lanes) { return 1000.0 * static_cast<double>(lanes); }), 5U);
}

TEST(LaneCount, StaysAtOneWhereMoreDoNotPay) {
  LaneCount count(0, 99);
  EXPECT_EQ(settle(count, [](std::size_t) { return 1000.0; }), 1U);
}

TEST(LaneCount, DoublesAsLongAsItPays) {
  LaneCount count(0, 99);
  EXPECT_EQ(
      settle(count, [](std::size_t lanes) { return lanes <= 4 ? 500.0 + 500.0 * static_cast<double>(lanes) : 2000.0; }),
      4U);
}

TEST(LaneCount, IsNotMisledByOneDoublingThatDidNotPay) {
  LaneCount count(0, 99);
  const auto tokens_a_second = [](std::size_t lanes) {
    return lanes == 2 ? 950.0 : 1000.0 + 100.0 * static_cast<double>(lanes);
  };
  EXPECT_EQ(settle(count, tokens_a_second), 16U);
}

TEST(LaneCount, StaysWithinTheMemory) {
  EXPECT_EQ(LaneCount(5, 3).wanted(), 3U);
  LaneCount count(0, 6);
  EXPECT_EQ(settle(count, [](std::size_t lanes) { return 1000.0 * static_cast<double>(lanes); }), 4U);
}

TEST(LaneCount, HalvesWhereTheyDidNotFit) {
  LaneCount count(8, 8);
  count.record(8, {.tokens = 1, .seconds = 1.0, .is_whole = false});
  EXPECT_EQ(count.wanted(), 4U);
}

TEST(LaneCount, LooksAtStepsOfTheWantedNumberOnly) {
  LaneCount count(0, 99);
  for (int step = 0; step < 100; ++step) count.record(3, {.tokens = 100, .seconds = 1.0});
  EXPECT_EQ(count.wanted(), 1U);
}

}  // namespace
}  // namespace tunescope
