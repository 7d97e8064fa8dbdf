#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <array>
#include <thread>

#include "tunescope/base/error.hpp"
#include "tunescope/schedule/stop_signals.hpp"

namespace tunescope {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// The allocation ends at second 10,000 since 1970.
class Deadline : public ::testing::Test {
 protected:
  Deadline() { ::setenv("SLURM_JOB_END_TIME", "10000", 1); }
  ~Deadline() override { ::unsetenv("SLURM_JOB_END_TIME"); }

  static ClockReading at(seconds wall) {
    return {.wall = std::chrono::system_clock::time_point(wall), .steady = kSteady};
  }

  static constexpr std::chrono::steady_clock::time_point kSteady{hours(5)};
};

TEST_F(Deadline, IsTheMarginBeforeTheEndOfTheAllocation) {
  EXPECT_EQ(find_deadline(0.0, seconds(120), at(seconds(9000))), kSteady + seconds(880));
}

TEST_F(Deadline, KeepsHalfOfAShortAllocationForWork) {
  EXPECT_EQ(find_deadline(0.0, seconds(120), at(seconds(9900))), kSteady + seconds(50));
}

TEST_F(Deadline, IsTheEarlierOfTheJobsOwnAndTheAllocations) {
  EXPECT_EQ(find_deadline(60.0, seconds(120), at(seconds(9000))), kSteady + seconds(60));
  EXPECT_EQ(find_deadline(900.0, seconds(120), at(seconds(9000))), kSteady + seconds(880));
}

TEST_F(Deadline, IgnoresAnAllocationThatHasEnded) {
  EXPECT_EQ(find_deadline(0.0, seconds(120), at(seconds(10000))), std::nullopt);
  EXPECT_EQ(find_deadline(60.0, seconds(120), at(seconds(20000))), kSteady + seconds(60));
}

TEST(StopRequest, IsSetAtTheDeadlineOfTheSteadyClock) {
  StopRequest stop;
  stop.set_deadline(std::chrono::steady_clock::now() + hours(1));
  EXPECT_FALSE(stop.is_set());
  stop.set_deadline(std::chrono::steady_clock::now());
  EXPECT_TRUE(stop.is_set());
}

void fail() { throw EnvironmentError("the disk is full"); }

TEST(CheckpointClock, ContinuesWithoutACheckpointThatCannotBeWritten) {
  StopRequest stop;
  CheckpointClock clock(1e-9, stop);
  EXPECT_EQ(clock.next_action(), NextAction::kSave);
  stop.request_stop();  // while it is written: the next action saves again
  EXPECT_FALSE(clock.save(fail));
  EXPECT_FALSE(stop.has_lost_work());
  EXPECT_EQ(clock.next_action(), NextAction::kSaveAndStop);
  EXPECT_TRUE(clock.save([] {}));
  EXPECT_FALSE(stop.has_lost_work());
}

TEST(CheckpointClock, KnowsThatAStopHasLostWork) {
  StopRequest stop;
  CheckpointClock clock(1e-9, stop);
  stop.request_stop();
  EXPECT_EQ(clock.next_action(), NextAction::kSaveAndStop);
  EXPECT_FALSE(clock.save(fail));
  EXPECT_TRUE(stop.has_lost_work());
}

TEST(CheckpointClock, ContinuesWithoutACheckpointOnTheWayThatCannotBeWritten) {
  StopRequest stop;
  CheckpointClock clock(0.0, stop);
  EXPECT_FALSE(clock.save_on_the_way(fail));
  EXPECT_FALSE(stop.has_lost_work());
  EXPECT_TRUE(clock.save_on_the_way([] {}));
}

// A rank that has finished its part saves it because another was stopped.
TEST(CheckpointClock, KnowsThatAStopOfAnotherRankHasLostWork) {
  StopRequest stop;
  CheckpointClock clock(1e-9, stop);
  EXPECT_EQ(clock.next_action(), NextAction::kSave);
  EXPECT_TRUE(clock.save([] {}));
  EXPECT_FALSE(clock.save(fail));
  EXPECT_TRUE(stop.has_lost_work());
}

// With the handlers that the process began with, whatever ran before.
class SignalHandlers : public ::testing::Test {
 protected:
  SignalHandlers() { restore(); }
  ~SignalHandlers() override { restore(); }
  static void restore() {
    for (const int signal : kSignals) ::signal(signal, SIG_DFL);
  }

  static constexpr std::array kSignals = {SIGTERM, SIGUSR2, SIGUSR1, SIGINT, SIGHUP};
  StopRequest stop_;
};

TEST_F(SignalHandlers, AskForAStop) {
  for (const int signal : kSignals) {
    StopRequest stop;
    const StopSignals signals(stop);
    EXPECT_FALSE(stop.is_set());
    ::raise(signal);
    EXPECT_TRUE(stop.is_set()) << strsignal(signal);
  }
}

TEST_F(SignalHandlers, ThatTheProcessWasStartedToIgnoreStayIgnored) {
  for (const int signal : {SIGUSR1, SIGINT, SIGHUP}) {
    ::signal(signal, SIG_IGN);
    const StopSignals signals(stop_);
    ::raise(signal);
    EXPECT_FALSE(stop_.is_set()) << strsignal(signal);
  }
}

TEST_F(SignalHandlers, AreThoseOfBeforeOnceStopSignalsAreGone) {
  ::signal(SIGTERM, SIG_IGN);
  { const StopSignals signals(stop_); }
  ::raise(SIGTERM);
  EXPECT_FALSE(stop_.is_set());
}

TEST_F(SignalHandlers, DoNothingOnceTheStatusIsSettled) {
  EXPECT_EXIT(
      {
        StopRequest stop;
        {
          StopSignals signals(stop);
          signals.ignore_from_here_on();
        }
        for (const int signal : kSignals) ::raise(signal);
        std::exit(stop.is_set() ? 1 : 75);
      },
      ::testing::ExitedWithCode(75), "");
}

TEST_F(SignalHandlers, ServeOneRequestAtATime) {
  const StopSignals signals(stop_);
  StopRequest other;
  EXPECT_THROW(StopSignals{other}, Error);
}

// A launcher and a batch system may both pass on one signal; a user who sends another later does not want to wait.
TEST_F(SignalHandlers, EndTheProcessAtAnotherSignalFiveSecondsLater) {
  EXPECT_EXIT(
      {
        const StopSignals signals(stop_);
        ::raise(SIGTERM);
        ::raise(SIGUSR2);
        std::this_thread::sleep_for(seconds(6));
        ::raise(SIGTERM);
      },
      ::testing::ExitedWithCode(75), "");
}

}  // namespace
}  // namespace tunescope
