#include "tunescope/plan/core_split.hpp"

#include <gtest/gtest.h>

namespace tunescope {
namespace {

void expect_split(const CoreSplit& found, int ranks, int threads) {
  EXPECT_EQ(found.ranks, ranks);
  EXPECT_EQ(found.threads, threads);
}

SplitWork equal_trials(std::size_t count) { return {.trials = std::vector(count, 1.0), .max_ranks = 1000}; }

TEST(CoreSplit, ManyTrialsHaveOneThreadEach) { expect_split(best_core_split(equal_trials(500), 16), 16, 1); }

TEST(CoreSplit, OneTrialHasAllThreads) { expect_split(best_core_split(equal_trials(1), 16), 1, 16); }

TEST(CoreSplit, FewTrialsShareTheCores) { expect_split(best_core_split(equal_trials(4), 16), 4, 4); }

TEST(CoreSplit, ALongTrialAmongShortOnesGetsThreads) {
  SplitWork work = equal_trials(8);
  work.trials.front() = 100.0;
  EXPECT_GT(best_core_split(work, 8).threads, 1);
}

TEST(CoreSplit, MemoryLimitsTheRanks) {
  std::vector<PlannedTrial> trials(500);
  for (PlannedTrial& planned : trials) planned.flops = 1.0;
  trials[7].added_bytes = 2e9;
  trials[8].stored.end = TrialEnd::kDone;
  const SplitWork work = split_work(trials, 14e9, 0.0);
  EXPECT_EQ(work.trials.size(), 499);
  expect_split(best_core_split(work, 16), 3, 5);
  EXPECT_EQ(split_work(trials, 14e9, 3e9).max_ranks, 2);
}

TEST(CoreSplit, ThreadsShortenAStepInPart) {
  const SplitWork work = equal_trials(10);
  const double one_thread = expected_time(work, {.ranks = 1, .threads = 1});
  const double two_threads = expected_time(work, {.ranks = 1, .threads = 2});
  EXPECT_DOUBLE_EQ(one_thread, 10.0);
  EXPECT_LT(two_threads, one_thread);
  EXPECT_GT(two_threads, one_thread / 2.0);
  EXPECT_DOUBLE_EQ(expected_time(work, {.ranks = 20, .threads = 1}), 1.0);
}

}  // namespace
}  // namespace tunescope
