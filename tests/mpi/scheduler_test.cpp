#include "tunescope/sweep/scheduler.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <thread>

#include "support/one_by_one.hpp"

extern const tunescope::Communicator* world;

namespace tunescope {
namespace {

class Scheduler : public ::testing::Test {
 protected:
  StopRequest stop;
};

TEST_F(Scheduler, RunsEveryTrialOnceOverAllRanks) {
  constexpr std::size_t kTrials = 40;
  std::vector<std::int64_t> runs(kTrials, 0);
  run_trials(*world, {kTrials}, test::one_by_one([&](std::size_t trial, const ProgressReport&) {
    ++runs[trial];
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return TrialOutcome{};
  }),
             {}, stop);
  for (const std::int64_t own : runs) {
    const auto by_rank = world->all_gather(own);
    EXPECT_EQ(std::accumulate(by_rank.begin(), by_rank.end(), std::int64_t{0}), 1);
  }
}

TEST_F(Scheduler, HandsOutInOrder) {
  std::vector<std::size_t> started;
  SweepObserver observer;
  observer.on_start = [&](std::size_t trial, int) { started.push_back(trial); };
  run_trials(*world, {5}, test::one_by_one([](std::size_t, const ProgressReport&) { return TrialOutcome{}; }), observer,
             stop);
  EXPECT_TRUE(world->rank() != 0 || started == std::vector<std::size_t>({0, 1, 2, 3, 4}));
}

TEST_F(Scheduler, TellsRankZeroOfOutcomesAndProgress) {
  std::map<std::size_t, TrialState> finished;
  std::int64_t furthest = 0;
  SweepObserver observer;
  observer.on_finish = [&](std::size_t trial, const TrialOutcome& outcome) { finished[trial] = outcome.state; };
  observer.on_progress = [&](std::size_t, std::int64_t step, std::int64_t) { furthest = std::max(furthest, step); };
  run_trials(*world, {6}, test::one_by_one([](std::size_t trial, const ProgressReport& report) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    report(3, 10);
    return TrialOutcome{.state = trial == 4 ? TrialState::kFailed : TrialState::kDone};
  }),
             observer, stop);
  if (world->rank() != 0) return;
  EXPECT_EQ(finished.size(), 6U);
  EXPECT_EQ(finished[4], TrialState::kFailed);
  EXPECT_EQ(furthest, 3);
}

// Every rank takes trials beside its first one until it is refused: trials 1, 4, 7 ... stay alone.
TEST_F(Scheduler, SharesOutTrialsThatAreTrainedBesideOthers) {
  constexpr std::size_t kTrials = 24;
  std::vector<std::int64_t> runs(kTrials, 0);
  std::size_t largest_group = 0;
  const auto lane_group = [](std::size_t trial) {
    return trial % 3 == 1 ? std::nullopt : std::optional<std::size_t>(0);
  };
  run_trials(
      *world, {.count = kTrials, .lane_group = lane_group},
      [&](TrialQueue& queue) {
        while (const auto first = queue.next()) {
          std::vector<std::size_t> group = {*first};
          while (const auto beside = queue.next_beside(*first)) {
            EXPECT_EQ(lane_group(*beside), lane_group(*first));
            group.push_back(*beside);
          }
          largest_group = std::max(largest_group, group.size());
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          for (const std::size_t trial : group) {
            ++runs[trial];
            queue.finish(trial, {});
          }
        }
      },
      {}, stop);
  for (const std::int64_t own : runs) {
    const auto by_rank = world->all_gather(own);
    EXPECT_EQ(std::accumulate(by_rank.begin(), by_rank.end(), std::int64_t{0}), 1);
  }
  EXPECT_LE(largest_group,
            (kTrials + static_cast<std::size_t>(world->size()) - 1) / static_cast<std::size_t>(world->size()));
  EXPECT_TRUE(world->size() > 1 || largest_group == 16U);
}

TEST_F(Scheduler, EndsAtOnceWithoutTrials) {
  run_trials(*world, {0}, test::one_by_one([](std::size_t, const ProgressReport&) { return TrialOutcome{}; }), {},
             stop);
}

// A start takes 0.4 s: the second of two trials a rank would begin when 0.2 s are left.
TEST_F(Scheduler, StartsNoTrialThatTheDeadlineWouldCutOffAtOnce) {
  const auto trials = 10 * static_cast<std::size_t>(world->size());
  std::int64_t runs = 0;
  stop.set_deadline(std::chrono::steady_clock::now() + std::chrono::milliseconds(600));
  run_trials(*world, {trials}, test::one_by_one([&](std::size_t, const ProgressReport& report) {
    ++runs;
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    report(1, 1);
    return TrialOutcome{};
  }),
             {}, stop);
  EXPECT_LE(runs, 1);
  EXPECT_TRUE(stop.is_set());
}

// Rank 0 or any other may be the one that is told.
TEST_F(Scheduler, StopsEveryRankWhereOneIsStopped) {
  const int told = world->size() - 1;
  std::int64_t runs = 0;
  run_trials(*world, {100}, test::one_by_one([&](std::size_t, const ProgressReport& report) {
    ++runs;
    if (world->rank() == told) stop.set();
    for (int step = 0; step < 100 && !stop.is_set(); ++step) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      report(step, 100);
    }
    return TrialOutcome{.state = stop.is_set() ? TrialState::kStopped : TrialState::kDone};
  }),
             {}, stop);
  EXPECT_TRUE(stop.is_set());
  EXPECT_LE(runs, 1);  // none where the stop came first
}

}  // namespace
}  // namespace tunescope
