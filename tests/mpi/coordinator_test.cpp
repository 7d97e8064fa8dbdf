#include "tunescope/schedule/coordinator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <thread>

#include "support/one_by_one.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

extern tunescope::RankTeam* team;

namespace tunescope {
namespace {

using test::equal_trials;
using test::one_by_one;
using test::ProgressReport;

void sleep(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

class Coordinator : public ::testing::Test {
 protected:
  bool distribute(std::vector<QueuedTrial> queue, const Worker& work) {
    return distribute_trials(*team, std::move(queue), work, listener_, stop_);
  }

  // Over all ranks together.
  static void expect_each_once(const std::vector<std::int64_t>& runs) {
    for (const std::int64_t own : runs) {
      const auto by_rank = team->all_gather(own);
      EXPECT_EQ(std::accumulate(by_rank.begin(), by_rank.end(), std::int64_t{0}), 1);
    }
  }

  // What rank 0 hears.
  struct Listener final : QueueListener {
    void on_start(TrialIndex trial, int) override { started.push_back(trial); }
    void on_progress(TrialIndex, std::int64_t step, std::int64_t) override { furthest = std::max(furthest, step); }
    void on_end(TrialIndex trial, const TrialSummary& summary) override { ends[trial] = summary.end; }
    std::vector<TrialIndex> started;
    std::int64_t furthest = 0;
    std::map<TrialIndex, TrialEnd> ends;
  };

  Listener listener_;
  StopRequest stop_;
};

TEST_F(Coordinator, RunsEveryTrialOnceOverAllRanks) {
  constexpr std::size_t kTrials = 40;
  std::vector<std::int64_t> runs(kTrials, 0);
  distribute(equal_trials(kTrials), one_by_one([&](TrialIndex trial, const ProgressReport&) {
               ++runs[trial];
               sleep(2);
               return TrialSummary{};
             }));
  expect_each_once(runs);
}

TEST_F(Coordinator, AssignsInTheOrderOfTheQueue) {
  distribute({{.trial = 7}, {.trial = 2}, {.trial = 5}},
             one_by_one([](TrialIndex, const ProgressReport&) { return TrialSummary{}; }));
  EXPECT_TRUE(!team->is_root() || listener_.started == std::vector<TrialIndex>({7, 2, 5}));
}

TEST_F(Coordinator, TellsRankZeroOfEndsAndProgress) {
  distribute(equal_trials(6), one_by_one([](TrialIndex trial, const ProgressReport& report) {
               sleep(300);
               report(3, 10);
               return TrialSummary{.end = trial == 4 ? TrialEnd::kFailed : TrialEnd::kDone};
             }));
  if (!team->is_root()) return;
  EXPECT_EQ(listener_.ends.size(), 6U);
  EXPECT_EQ(listener_.ends[4], TrialEnd::kFailed);
  EXPECT_EQ(listener_.furthest, 3);
}

// The last rank's device breaks in its first trial. If it is not alone, the others train all.
TEST_F(Coordinator, GivesTheTrialsOfARankWithABrokenDeviceToTheOthers) {
  constexpr std::size_t kTrials = 12;
  const int broken_rank = team->size() - 1;
  std::vector<std::int64_t> runs(kTrials, 0);
  const auto run = [&] {
    distribute(equal_trials(kTrials), one_by_one([&](TrialIndex trial, const ProgressReport&) {
                 if (team->rank() == broken_rank) throw DeviceError("cuda:3 of node7");
                 sleep(100);
                 ++runs[trial];
                 return TrialSummary{};
               }));
  };
  const std::string message = team->is_root() ? test::message_of<DeviceError>(run) : test::message_of<PeerError>(run);
  EXPECT_THAT(message, ::testing::HasSubstr("rank " + std::to_string(broken_rank) + ": cuda:3 of node7"));
  if (team->size() > 1) {
    expect_each_once(runs);
  } else {
    EXPECT_THAT(listener_.ends, ::testing::ElementsAre(::testing::Pair(0, TrialEnd::kGivenBack)));
  }
}

// A stop comes while the last rank's device breaks: nobody takes its trial, and the error is what is reported.
TEST_F(Coordinator, NamesABrokenDeviceAfterAStopToo) {
  const auto run = [&] {
    distribute(equal_trials(12), one_by_one([&](TrialIndex, const ProgressReport&) {
                 const bool is_broken = team->rank() == team->size() - 1;
                 if (!is_broken) sleep(300);
                 stop_.request_stop();
                 if (is_broken) throw DeviceError("cuda:3 of node7");
                 return TrialSummary{.end = TrialEnd::kStopped};
               }));
  };
  const std::string message = team->is_root() ? test::message_of<DeviceError>(run) : test::message_of<PeerError>(run);
  EXPECT_THAT(message, ::testing::HasSubstr("cuda:3 of node7"));
  if (!team->is_root()) return;
  EXPECT_EQ(listener_.ends.size(), static_cast<std::size_t>(team->size()));
  for (const auto& [trial, end] : listener_.ends) {
    EXPECT_TRUE(end == TrialEnd::kStopped || end == TrialEnd::kGivenBack) << trial;
  }
}

// Every rank takes companions of its first trial until it is refused: trials 1, 4, 7 ... stay alone.
TEST_F(Coordinator, SharesOutTrialsThatAreTrainedTogether) {
  constexpr std::size_t kTrials = 24;
  std::vector<QueuedTrial> queue = equal_trials(kTrials);
  for (QueuedTrial& queued : queue) {
    if (queued.trial % 3 != 1) queued.group = 0;
  }
  std::vector<std::int64_t> runs(kTrials, 0);
  std::size_t largest = 0;
  distribute(queue, [&](TrialQueue& own) {
    while (const auto first = own.next()) {
      std::vector<TrialIndex> together = {*first};
      while (const auto companion = own.next_companion(*first)) {
        EXPECT_EQ(queue[*companion].group, queue[*first].group);
        together.push_back(*companion);
      }
      largest = std::max(largest, together.size());
      sleep(20);
      for (const TrialIndex trial : together) {
        ++runs[trial];
        own.finish(trial, {});
      }
    }
  });
  expect_each_once(runs);
  const auto ranks = static_cast<std::size_t>(team->size());
  EXPECT_LE(largest, (kTrials + ranks - 1) / ranks);
  EXPECT_TRUE(ranks > 1 || largest == 16U);
}

TEST_F(Coordinator, EndsAtOnceWithoutTrials) {
  EXPECT_FALSE(distribute({}, one_by_one([](TrialIndex, const ProgressReport&) { return TrialSummary{}; })));
}

// A start takes 0.4 s: the second of two trials per rank would begin when 0.2 s are left.
TEST_F(Coordinator, StartsNoTrialThatTheDeadlineWouldCutOffAtOnce) {
  std::int64_t runs = 0;
  stop_.set_deadline(std::chrono::steady_clock::now() + std::chrono::milliseconds(600));
  const bool is_stopped = distribute(equal_trials(10 * static_cast<std::size_t>(team->size())),
                                     one_by_one([&](TrialIndex, const ProgressReport& report) {
                                       ++runs;
                                       sleep(400);
                                       report(1, 1);
                                       return TrialSummary{};
                                     }));
  EXPECT_LE(runs, 1);
  EXPECT_TRUE(is_stopped);
}

// Rank 0 or any other may be the one that is asked, and all must end within a few steps, not at the end of a trial.
TEST_F(Coordinator, StopsEveryRankIfOneIsAsked) {
  const int asked = team->size() - 1;
  std::int64_t runs = 0;
  std::int64_t steps = 0;
  const bool is_stopped = distribute(equal_trials(100), one_by_one([&](TrialIndex, const ProgressReport& report) {
                                       ++runs;
                                       if (team->rank() == asked) stop_.request_stop();
                                       for (; steps < 1000 && !stop_.is_set(); ++steps) {
                                         sleep(10);
                                         report(steps, 1000);
                                       }
                                       return TrialSummary{.end = TrialEnd::kStopped};
                                     }));
  EXPECT_TRUE(is_stopped);
  EXPECT_LE(runs, 1);  // none if the stop came first
  EXPECT_LT(steps, 500);
}

TEST(StopChannel, LeavesNoMessageForTheNextPhase) {
  for (int phase = 0; phase < 5; ++phase) {
    StopRequest stop;
    StopChannel channel(team->communicator(), stop);
    if (team->rank() == phase % team->size()) stop.request_stop();
    channel.poll();
    EXPECT_TRUE(channel.close(*team));
    EXPECT_FALSE(team->communicator().probe(Tag::kStop));
    StopRequest next;
    EXPECT_FALSE(StopChannel(team->communicator(), next).close(*team));
  }
}

}  // namespace
}  // namespace tunescope
