#include "tunescope/run/co_training_size.hpp"

#include <gtest/gtest.h>

namespace tunescope {
namespace {

// Steps of a machine that computes so many tokens per second with so many trials, until the number stays.
std::size_t settle(CoTrainingSize& count, double (*tokens_per_second)(std::size_t trials)) {
  for (int step = 0; step < 2000; ++step) {
    const std::size_t trials = count.wanted();
    const auto tokens = static_cast<std::int64_t>(200 * trials);
    count.record(trials, {.tokens = tokens, .seconds = static_cast<double>(tokens) / tokens_per_second(trials)});
  }
  return count.wanted();
}

TEST(CoTrainingSize, KeepsToAFixedNumber) {
  CoTrainingSize count(5, 99);
  EXPECT_EQ(settle(count, [](std::size_t trials) { return 1000.0 * static_cast<double>(trials); }), 5U);
}

TEST(CoTrainingSize, StaysAtOneIfMoreDoNotPay) {
  CoTrainingSize count(0, 99);
  EXPECT_EQ(settle(count, [](std::size_t) { return 1000.0; }), 1U);
}

TEST(CoTrainingSize, DoublesAsLongAsItPays) {
  CoTrainingSize count(0, 99);
  EXPECT_EQ(
      settle(count,
             [](std::size_t trials) { return trials <= 4 ? 500.0 + 500.0 * static_cast<double>(trials) : 2000.0; }),
      4U);
}

TEST(CoTrainingSize, IsNotMisledByOneDoublingThatDidNotPay) {
  CoTrainingSize count(0, 99);
  const auto tokens_per_second = [](std::size_t trials) {
    return trials == 2 ? 950.0 : 1000.0 + 100.0 * static_cast<double>(trials);
  };
  EXPECT_EQ(settle(count, tokens_per_second), 16U);
}

TEST(CoTrainingSize, StaysWithinTheMemory) {
  EXPECT_EQ(CoTrainingSize(5, 3).wanted(), 3U);
  CoTrainingSize count(0, 6);
  EXPECT_EQ(settle(count, [](std::size_t trials) { return 1000.0 * static_cast<double>(trials); }), 4U);
}

TEST(CoTrainingSize, HalvesIfTheyDidNotFit) {
  CoTrainingSize count(8, 8);
  count.record(8, {.tokens = 1, .seconds = 1.0, .fit_in_memory = false});
  EXPECT_EQ(count.wanted(), 4U);
}

TEST(CoTrainingSize, LooksAtStepsOfTheWantedNumberOnly) {
  CoTrainingSize count(0, 99);
  for (int step = 0; step < 100; ++step) count.record(3, {.tokens = 100, .seconds = 1.0});
  EXPECT_EQ(count.wanted(), 1U);
}

}  // namespace
}  // namespace tunescope
