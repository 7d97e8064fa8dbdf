#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/limited_allocator.hpp"
#include "support/sweep_case.hpp"

extern tunescope::RankTeam* team;

namespace tunescope {
namespace {

using ::testing::HasSubstr;

std::ptrdiff_t files_in(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator entries(folder);
  return std::distance(begin(entries), end(entries));
}

class FirstFailures : public ::testing::Test {
 protected:
  FirstFailures() {
    case_.set_methods({"layernorm", "bitfit"});
    case_.spec.seeds = {1, 2, 3};
    case_.spec.retries = 0;
  }

  // On a machine without memory for any trial.
  SweepEnd sweep_without_memory(RunListener& listener) const {
    StopRequest stop;
    const auto job = open_job(
        *team, [&] { return case_.spec; }, needed_fisher_runs, listener);
    const RankContext rank = set_up_rank(*team, *job, stop, listener);
    const test::LimitedAllocator full_device(test::is_of_activations);
    return run_sweep(*team, rank, listener);
  }

  test::SweepCase case_{*team};
  test::RecordedRun run_;
};

TEST_F(FirstFailures, EndTheSweepWithTheirErrorAndTheNextOneTrainsAllTrials) {
  case_.spec.stop_after_failures = 3;
  const SweepEnd end = sweep_without_memory(run_);
  EXPECT_TRUE(end.is_broken);
  EXPECT_FALSE(end.is_stopped);
  if (team->is_root()) {
    EXPECT_EQ(run_.first_failures, 3U);
    EXPECT_GE(run_.common_error.count, 1U) << "they name the bytes that are missing, which differ";
    EXPECT_THAT(run_.common_error.text, HasSubstr("no block of "));
    EXPECT_GE(files_in(JobFolder(case_.spec).failed), 3);
    EXPECT_TRUE(team->size() > 1 || files_in(JobFolder(case_.spec).failed) == 3)
        << "on several ranks others may fail while one of the first starts slowly";
    EXPECT_FALSE(std::filesystem::exists(JobFolder(case_.spec).merged));
  }
  team->barrier();
  test::RecordedRun again;
  EXPECT_EQ(case_.sweep(again).done, 12U);
}

TEST_F(FirstFailures, AfterASweepThatFinishedSomeTrialsEndNothing) {
  case_.set_methods({"layernorm"});
  EXPECT_EQ(case_.sweep(run_).done, 6U);
  case_.set_methods({"layernorm", "bitfit"});
  case_.spec.stop_after_failures = 3;
  const SweepEnd end = sweep_without_memory(run_);
  EXPECT_FALSE(end.is_broken);
  EXPECT_EQ(end.trials, 12U);
  EXPECT_EQ(end.done, 6U);
}

TEST_F(FirstFailures, OfTrialsThatAreTrainedTogetherEndTheSweepToo) {
  case_.spec.lanes = 4;
  case_.spec.stop_after_failures = 3;
  EXPECT_TRUE(sweep_without_memory(run_).is_broken);
  EXPECT_TRUE(team->size() > 1 || run_.started.size() < 12U);
}

TEST_F(FirstFailures, AreNothingSpecialIfTheJobSaysSo) {
  case_.spec.stop_after_failures = 0;
  const SweepEnd end = sweep_without_memory(run_);
  EXPECT_FALSE(end.is_broken);
  EXPECT_EQ(end.trials, 12U);
  EXPECT_EQ(end.done, 0U);
  EXPECT_TRUE(!team->is_root() || run_.started.size() == 12U);
}

TEST_F(FirstFailures, OfTheTrainingsThatFisherRunsMeasureEndTheirComputation) {
  case_.spec.stop_after_failures = 2;
  StopRequest stop;
  const auto job = open_job(
      *team, [&] { return case_.spec; }, expand_fisher_runs, run_);
  const RankContext rank = set_up_rank(*team, *job, stop, run_);
  const test::LimitedAllocator full_device(test::is_of_activations);
  EXPECT_TRUE(run_fisher(*team, rank, run_).is_broken);
  EXPECT_TRUE(!team->is_root() || run_.first_failures == 2U);
}

}  // namespace
}  // namespace tunescope
