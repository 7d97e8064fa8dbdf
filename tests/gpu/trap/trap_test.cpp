// A kernel that traps on a GPU that trains. Everything that the process asks of the GPU fails from then on, so this
// test is alone in its program.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "support/sweep_case.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/hostname.hpp"
#include "tunescope/cli/commands.hpp"

extern tunescope::RankTeam* team;

namespace tunescope {
namespace test {

void start_trap();  // trap.cu

}  // namespace test

namespace {

using ::testing::_;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

// What ended the sweep, as `exit status: message`.
std::string end_of_sweep(const test::SweepCase& sweep_case, test::RecordedRun& run) {
  try {
    sweep_case.sweep(run);
    return "no error";
  } catch (const std::exception& error) {
    return std::to_string(cli::status_of(error)) + ": " + error.what();
  }
}

TEST(Trap, EndsTheSweepWithTheNameOfTheGpuAndFailsNoTrial) {
  test::SweepCase sweep_case(*team);
  sweep_case.set_methods({"layernorm", "bitfit"});
  sweep_case.spec.device = DeviceKind::kCuda;
  sweep_case.spec.lanes = 2;
  test::RecordedRun run;
  std::once_flag is_trapped;
  run.on_progress = [&] { std::call_once(is_trapped, test::start_trap); };
  EXPECT_THAT(end_of_sweep(sweep_case, run), HasSubstr("3: rank 0: cuda:0 of " + hostname()));
  EXPECT_THAT(run.ends, SizeIs(2));
  EXPECT_THAT(run.ends, Each(Pair(_, TrialEnd::kGivenBack)));
  EXPECT_TRUE(std::filesystem::is_empty(JobFolder(sweep_case.spec).failed));
  sweep_case.spec.device = DeviceKind::kCpu;
  test::RecordedRun again;
  EXPECT_EQ(sweep_case.sweep(again).done, 4U);
}

}  // namespace
}  // namespace tunescope
