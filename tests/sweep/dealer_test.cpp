#include "tunescope/sweep/dealer.hpp"

#include <gtest/gtest.h>

namespace tunescope {
namespace {

TrialList lanes(std::size_t count) {
  return {.count = count, .lane_group = [](std::size_t) { return std::optional<std::size_t>(0); }};
}

std::size_t take_beside_first(TrialDealer& dealer, std::size_t rank) {
  const std::optional<std::size_t> first = dealer.next(rank);
  if (!first) return 0;
  std::size_t taken = 1;
  while (dealer.next_beside(rank, *first)) ++taken;
  return taken;
}

TEST(TrialDealer, GivesALoneRankEverything) {
  const TrialList trials = lanes(10);
  TrialDealer dealer(trials, 1);
  EXPECT_EQ(take_beside_first(dealer, 0), 10U);
}

TEST(TrialDealer, GivesARankItsShareOfWhatNoOtherHas) {
  const TrialList trials = lanes(40);
  TrialDealer dealer(trials, 4);
  EXPECT_EQ(take_beside_first(dealer, 0), 10U);  // of 40
  EXPECT_EQ(take_beside_first(dealer, 1), 7U);   // of 30
  EXPECT_EQ(take_beside_first(dealer, 2), 5U);   // of 23
  EXPECT_EQ(take_beside_first(dealer, 3), 4U);   // of 18
}

TEST(TrialDealer, CountsWorkNotTrials) {
  TrialList trials = lanes(11);
  trials.work = [](std::size_t trial) { return trial == 0 ? 10.0 : 1.0; };
  TrialDealer dealer(trials, 2);
  EXPECT_EQ(take_beside_first(dealer, 0), 1U);  // the long one
  EXPECT_EQ(take_beside_first(dealer, 1), 5U);
}

TEST(TrialDealer, GivesLessTheLessIsLeft) {
  const TrialList trials = lanes(8);
  TrialDealer dealer(trials, 2);
  EXPECT_EQ(take_beside_first(dealer, 0), 4U);
  EXPECT_EQ(take_beside_first(dealer, 1), 2U);
  for (const std::size_t trial : {0, 1, 2, 3}) dealer.finish(0, trial);
  EXPECT_EQ(take_beside_first(dealer, 0), 1U);
}

TEST(TrialDealer, PutsOnlyTrialsOfOneGroupBesideEachOther) {
  const TrialList trials{.count = 6, .lane_group = [](std::size_t trial) {
                           return trial == 0 ? std::nullopt : std::optional<std::size_t>(trial % 2);
                         }};
  TrialDealer dealer(trials, 1);
  EXPECT_EQ(take_beside_first(dealer, 0), 1U);
  EXPECT_EQ(dealer.next(0), 1U);
  EXPECT_EQ(dealer.next_beside(0, 1), 3U);
  EXPECT_EQ(dealer.next_beside(0, 1), 5U);
  EXPECT_EQ(dealer.next_beside(0, 1), std::nullopt);
  EXPECT_EQ(dealer.next(0), 2U);
}

}  // namespace
}  // namespace tunescope
