#include "tunescope/schedule/failure_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tunescope {
namespace {

using ::testing::ElementsAre;

// Starts and ends one after the other.
void record(FailureWatch& watch, const std::string& trial, TrialEnd end) {
  watch.start(trial);
  watch.record(trial, end);
}

TEST(FailureWatch, FindsTheSweepBrokenWhenAsManyTrialsHaveFailedAndNoneWasFinished) {
  FailureWatch watch(2);
  record(watch, "a", TrialEnd::kFailed);
  EXPECT_FALSE(watch.is_broken());
  record(watch, "b", TrialEnd::kFailed);
  EXPECT_TRUE(watch.is_broken());
  record(watch, "c", TrialEnd::kFailed);
  EXPECT_THAT(watch.failed(), ElementsAre("a", "b"));
}

TEST(FailureWatch, EndsWithTheFirstTrialThatIsDoneOrDiverged) {
  for (const TrialEnd finished : {TrialEnd::kDone, TrialEnd::kDiverged}) {
    FailureWatch watch(2);
    record(watch, "a", TrialEnd::kFailed);
    record(watch, "b", finished);
    for (const char* later : {"c", "d", "e"}) record(watch, later, TrialEnd::kFailed);
    EXPECT_FALSE(watch.is_broken());
  }
}

TEST(FailureWatch, DoesNotCountTrialsThatWereSavedOrBelongToAnotherSweep) {
  FailureWatch watch(2);
  record(watch, "a", TrialEnd::kFailed);
  for (const TrialEnd end :
       {TrialEnd::kStopped, TrialEnd::kNotSaved, TrialEnd::kGivenBack, TrialEnd::kTakenByAnotherSweep}) {
    record(watch, "b", end);
  }
  EXPECT_FALSE(watch.is_broken());
  record(watch, "c", TrialEnd::kFailed);
  EXPECT_TRUE(watch.is_broken());
}

TEST(FailureWatch, WaitsForATrialThatStartedBeforeThoseThatFailed) {
  FailureWatch watch(3);
  watch.start("slow");
  for (const char* quick : {"a", "b", "c", "d"}) record(watch, quick, TrialEnd::kFailed);
  EXPECT_FALSE(watch.is_broken());
  watch.record("slow", TrialEnd::kFailed);
  EXPECT_TRUE(watch.is_broken());
  EXPECT_THAT(watch.failed(), ElementsAre("a", "b", "slow"));
}

TEST(FailureWatch, OfNoTrialsFindsNothing) {
  FailureWatch watch(0);
  record(watch, "a", TrialEnd::kFailed);
  EXPECT_FALSE(watch.is_broken());
}

TEST(CommonestError, IsTheFirstOfEquals) {
  const CommonError common = commonest({"rare", "often", "other", "other", "often"});
  EXPECT_EQ(common.text, "often");
  EXPECT_EQ(common.count, 2U);
}

}  // namespace
}  // namespace tunescope
