#include "tunescope/storage/folder_lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class InAFolder : public ::testing::Test {
 protected:
  FolderLock hold(FolderUse use) {
    return {path_, use, [this] { ++clean_ups_; }};
  }

  test::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_.path() / "lock";
  int clean_ups_ = 0;
};

TEST_F(InAFolder, ASecondSweepIsRefusedUntilTheFirstHasGone) {
  {
    const FolderLock first = hold(FolderUse::kAlone);
    EXPECT_TRUE(FolderLock::is_held(path_));
    EXPECT_THAT(test::message_of<ConfigError>([&] { hold(FolderUse::kAlone); }),
                AllOf(HasSubstr("another sweep is working here (process "), HasSubstr("--share")));
  }
  EXPECT_FALSE(FolderLock::is_held(path_));
  hold(FolderUse::kAlone);
  EXPECT_EQ(clean_ups_, 2);
}

TEST_F(InAFolder, SweepsThatShareWorkTogetherAndTheFirstAloneCleansUp) {
  const FolderLock first = hold(FolderUse::kShared);
  const FolderLock second = hold(FolderUse::kShared);
  EXPECT_EQ(clean_ups_, 1);
  EXPECT_THAT(test::message_of<ConfigError>([&] { hold(FolderUse::kAlone); }), HasSubstr("--share"));
}

TEST_F(InAFolder, ATrialIsClaimedByOneAtATime) {
  const FolderLock lock = hold(FolderUse::kShared);
  EXPECT_FALSE(Claim::is_trial_taken(path_, "0000000000000000"));
  {
    const auto first = Claim::try_trial(path_, "0000000000000000");
    ASSERT_TRUE(first);
    EXPECT_FALSE(Claim::try_trial(path_, "0000000000000000"));
    EXPECT_TRUE(Claim::is_trial_taken(path_, "0000000000000000"));
    EXPECT_TRUE(Claim::try_trial(path_, "ffffffffffffffff"));
    EXPECT_TRUE(Claim::try_trial(path_, "0123456789abcdef"));
  }
  EXPECT_FALSE(Claim::is_trial_taken(path_, "0000000000000000"));
  EXPECT_TRUE(Claim::try_trial(path_, "0000000000000000"));
}

TEST_F(InAFolder, TheFisherStageIsClaimedByOneAtATime) {
  const FolderLock lock = hold(FolderUse::kShared);
  auto first = Claim::try_fisher_stage(path_);
  ASSERT_TRUE(first);
  EXPECT_FALSE(Claim::try_fisher_stage(path_));
  first.reset();
  EXPECT_TRUE(Claim::try_fisher_stage(path_));
}

}  // namespace
}  // namespace tunescope
