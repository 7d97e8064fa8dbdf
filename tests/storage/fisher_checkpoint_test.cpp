#include "tunescope/storage/fisher_checkpoint.hpp"

#include <gtest/gtest.h>

#include "support/fisher_case.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/io/checked_tensors.hpp"

namespace tunescope {
namespace {

class SavedShard : public ::testing::Test {
 protected:
  SavedShard() {
    state_ = sum_squared_gradients(inputs_, {});
    state_.micro_batches = 0;
    state_.seconds = 3.5;
    state_.groups_per_pass = 4;
    state_.micro_batch_tokens = 8192;
    state_.is_in_bfloat16 = true;
  }

  FisherCheckpoint checkpoint() const { return {folder_.path(), MeasuredPart::kModel, {}, inputs_}; }

  test::TemporaryFolder folder_;
  test::FisherCase case_;
  FisherInputs inputs_ = case_.inputs();
  FisherState state_;
};

TEST_F(SavedShard, IsLoadedAsItWas) {
  checkpoint().save(state_);
  const FisherState loaded = checkpoint().load().value();
  EXPECT_EQ(loaded.micro_batches, 0);
  EXPECT_EQ(loaded.total, state_.total);
  EXPECT_EQ(loaded.seconds, 3.5);
  EXPECT_EQ(loaded.groups_per_pass, 4);
  EXPECT_EQ(loaded.micro_batch_tokens, 8192);
  EXPECT_TRUE(loaded.is_in_bfloat16);
  for (std::size_t i = 0; i < state_.sums.size(); ++i) EXPECT_TRUE(loaded.sums[i].equal(state_.sums[i]));
  EXPECT_TRUE(loaded.depth_sums.equal(state_.depth_sums));
}

TEST_F(SavedShard, OfAnEarlierBuildIsOfTheMicroBatchesOfACpuInFloat32) {
  checkpoint().save(state_);
  const std::filesystem::path file = folder_.path() / "rank-0-of-1.safetensors";
  CheckedTensors saved = read_checked_tensors(file);
  saved.text = "0 1 3.5";
  write_checked_tensors(file, saved);
  const FisherState loaded = checkpoint().load().value();
  EXPECT_EQ(loaded.seconds, 3.5);
  EXPECT_EQ(loaded.groups_per_pass, 0);
  EXPECT_EQ(loaded.micro_batch_tokens, 2048);
  EXPECT_FALSE(loaded.is_in_bfloat16);
}

}  // namespace
}  // namespace tunescope
