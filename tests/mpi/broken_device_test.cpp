#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "support/limited_allocator.hpp"
#include "support/sweep_case.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/hostname.hpp"
#include "tunescope/device/failure.hpp"

extern tunescope::RankTeam* team;

namespace tunescope {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Pair;

// On the last rank every computation fails, and its device says `problem`. Returns what the sweep throws.
std::string message_of_sweep(const test::SweepCase& sweep_case, const std::string& problem, RunListener& listener) {
  StopRequest stop;
  const auto job = open_job(
      *team, [&] { return sweep_case.spec; }, needed_fisher_runs, listener);
  const RankContext rank = set_up_rank(*team, *job, stop, listener);
  std::optional<test::LimitedAllocator> failing;
  std::optional<ReplacedDeviceProbe> probe;
  if (team->rank() == team->size() - 1) {
    failing.emplace(test::is_of_activations);
    probe.emplace([&](at::Device) { return problem; });
  }
  const auto sweep = [&] { run_sweep(*team, rank, listener); };
  return team->is_root() ? test::message_of<DeviceError>(sweep) : test::message_of<PeerError>(sweep);
}

class BrokenDevice : public ::testing::Test {
 protected:
  BrokenDevice() {
    case_.set_methods({"layernorm", "bitfit"});
    case_.spec.seeds = {1, 2};
  }

  test::SweepCase case_{*team};
  test::RecordedRun run_;
};

TEST_F(BrokenDevice, LosesNoTrialAndEndsTheSweepWithItsName) {
  const std::string message = message_of_sweep(case_, "an illegal memory access was encountered", run_);
  EXPECT_THAT(message, AllOf(HasSubstr("rank " + std::to_string(team->size() - 1) + ": cpu of " + hostname()),
                             HasSubstr("an illegal memory access was encountered")));
  if (team->is_root()) {
    EXPECT_THAT(run_.ends, Each(Pair(_, team->size() > 1 ? TrialEnd::kDone : TrialEnd::kGivenBack)));
    EXPECT_TRUE(std::filesystem::is_empty(JobFolder(case_.spec).failed));
  }
  team->barrier();
  test::RecordedRun again;
  EXPECT_EQ(case_.sweep(again).done, 8U);
}

TEST_F(BrokenDevice, IsNotOneThatAnswers) {
  EXPECT_EQ(message_of_sweep(case_, "", run_), "");
  EXPECT_TRUE(!team->is_root() || !std::filesystem::is_empty(JobFolder(case_.spec).failed));
}

}  // namespace
}  // namespace tunescope
