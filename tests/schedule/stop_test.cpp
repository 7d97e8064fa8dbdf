#include "tunescope/schedule/stop.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <array>
#include <thread>

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

class StopSignals : public ::testing::Test {
 protected:
  StopSignals() { restore(); }
  ~StopSignals() override { restore(); }
  static void restore() {
    for (const int signal : kSignals) ::signal(signal, SIG_DFL);
  }

  static constexpr std::array kSignals = {SIGTERM, SIGUSR2, SIGUSR1, SIGINT, SIGHUP};
};

TEST_F(StopSignals, AskForAStop) {
  for (const int signal : kSignals) {
    restore();
    const StopRequest stop;
    EXPECT_FALSE(stop.is_set());
    ::raise(signal);
    EXPECT_TRUE(stop.is_set()) << strsignal(signal);
  }
}

TEST_F(StopSignals, ThatTheProcessWasStartedToIgnoreStayIgnored) {
  for (const int signal : {SIGUSR1, SIGINT, SIGHUP}) {
    ::signal(signal, SIG_IGN);
    const StopRequest stop;
    ::raise(signal);
    EXPECT_FALSE(stop.is_set()) << strsignal(signal);
  }
}

// A launcher and a batch system may both pass on one signal; a user who sends another later does not want to wait.
TEST(StopRequest, EndsTheProcessAtAnotherSignalFiveSecondsLater) {
  EXPECT_EXIT(
      {
        const StopRequest stop;
        ::raise(SIGTERM);
        ::raise(SIGUSR2);
        std::this_thread::sleep_for(seconds(6));
        ::raise(SIGTERM);
      },
      ::testing::ExitedWithCode(75), "");
}

}  // namespace
}  // namespace tunescope
