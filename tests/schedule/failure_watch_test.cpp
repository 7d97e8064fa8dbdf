#include "tunescope/schedule/failure_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tunescope {
namespace {

using ::testing::ElementsAre;

TEST(FailureWatch, FindsTheSweepBrokenWhenAsManyTrialsHaveFailedAndNoneWasFinished) {
  FailureWatch watch(2);
  watch.record("a", TrialEnd::kFailed);
  EXPECT_FALSE(watch.is_broken());
  watch.record("b", TrialEnd::kFailed);
  EXPECT_TRUE(watch.is_broken());
  watch.record("c", TrialEnd::kFailed);
  EXPECT_THAT(watch.failed(), ElementsAre("a", "b"));
}

TEST(FailureWatch, EndsWithTheFirstTrialThatIsDoneOrDiverged) {
  for (const TrialEnd finished : {TrialEnd::kDone, TrialEnd::kDiverged}) {
    FailureWatch watch(2);
    watch.record("a", TrialEnd::kFailed);
    watch.record("b", finished);
    for (const char* later : {"c", "d", "e"}) watch.record(later, TrialEnd::kFailed);
    EXPECT_FALSE(watch.is_broken());
  }
}

TEST(FailureWatch, DoesNotCountTrialsThatWereSavedOrBelongToAnotherSweep) {
  FailureWatch watch(2);
  watch.record("a", TrialEnd::kFailed);
  for (const TrialEnd end :
       {TrialEnd::kStopped, TrialEnd::kNotSaved, TrialEnd::kGivenBack, TrialEnd::kTakenByAnotherSweep}) {
    watch.record("b", end);
  }
  EXPECT_FALSE(watch.is_broken());
  watch.record("c", TrialEnd::kFailed);
  EXPECT_TRUE(watch.is_broken());
}

TEST(FailureWatch, OfNoTrialsFindsNothing) {
  FailureWatch watch(0);
  watch.record("a", TrialEnd::kFailed);
  EXPECT_FALSE(watch.is_broken());
}

TEST(CommonestError, IsTheFirstOfEquals) {
  const CommonError common = commonest({"rare", "often", "other", "other", "often"});
  EXPECT_EQ(common.text, "often");
  EXPECT_EQ(common.count, 2U);
}

}  // namespace
}  // namespace tunescope
