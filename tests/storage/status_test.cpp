#include "tunescope/storage/status.hpp"

#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/golden.hpp"
#include "support/sample_record.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/io/checked_tensors.hpp"
#include "tunescope/results/trial_record.hpp"
#include "tunescope/storage/measured_weights.hpp"
#include "tunescope/storage/trial_checkpoints.hpp"
#include "tunescope/train/checkpoint.hpp"

namespace tunescope {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kTrial = "0123456789abcdef";
constexpr const char* kFisherRun = "0c862182cc5cc266";  // of the golden results

class Status : public ::testing::Test {
 protected:
  Status() {
    spec_.name = "job";
    spec_.results_folder = results_.path();
    folder_.emplace(spec_);
    folder_->prepare();
  }

  void write(const std::filesystem::path& path, TrialEnd end, const std::string& error = "") const {
    TrialRecord record = test::sample_record(kTrial, 0);
    record.row.state = to_string(end);
    record.row.error = error;
    write_trial(path, record);
  }
  void write_checkpoint() const {
    std::filesystem::create_directories(folder_->checkpoint_folder(kTrial));
    std::filesystem::copy(test::golden("earlier_build/results/earlier/checkpoints/416da0d81d31525f/latest.safetensors"),
                          folder_->checkpoint_folder(kTrial) / "latest.safetensors");
  }
  StoredTrial status() const { return load_status(*folder_, kTrial); }

  test::TemporaryFolder results_;
  SweepSpec spec_;
  std::optional<JobFolder> folder_;
};

TEST_F(Status, OfATrialWithoutAFileIsMissing) {
  EXPECT_FALSE(status().end);
  EXPECT_FALSE(status().has_checkpoint);
  write_checkpoint();
  EXPECT_FALSE(status().end);
  EXPECT_TRUE(status().has_checkpoint);
}

TEST_F(Status, IsWhatTheFileSays) {
  write(folder_->trial_file(kTrial), TrialEnd::kDone);
  EXPECT_EQ(status().end, TrialEnd::kDone);
  EXPECT_EQ(status().seconds, 12.25);
  write(folder_->trial_file(kTrial), TrialEnd::kDiverged, "step 3: loss nan");
  EXPECT_EQ(status().end, TrialEnd::kDiverged);
  EXPECT_EQ(status().error, "step 3: loss nan");
}

TEST_F(Status, OfAFailedTrialGivesWayToAFinishedOne) {
  write(folder_->failed_file(kTrial), TrialEnd::kFailed, "no memory");
  EXPECT_EQ(status().end, TrialEnd::kFailed);
  EXPECT_EQ(status().error, "no memory");
  write(folder_->trial_file(kTrial), TrialEnd::kDone);
  EXPECT_EQ(status().end, TrialEnd::kDone);
}

TEST_F(Status, OfADamagedFileIsMissingWithAWarningThatNamesIt) {
  write(folder_->trial_file(kTrial), TrialEnd::kDone);
  std::filesystem::resize_file(folder_->trial_file(kTrial), 1000);
  EXPECT_FALSE(status().end);
  EXPECT_THAT(status().warning, AllOf(HasSubstr(folder_->trial_file(kTrial).string()), HasSubstr("runs again")));
}

TEST_F(Status, CountsWhatOtherJobsInTheFolderHaveAndLinksIt) {
  write(folder_->trial_file(kTrial), TrialEnd::kDone);
  spec_.name = "other";
  const JobFolder other(spec_);
  other.prepare();
  std::vector<PlannedTrial> trials(1);
  trials.front().id = kTrial;
  load_status(spec_, trials);
  EXPECT_FALSE(trials.front().is_finished());
  load_status_and_link(spec_, trials);
  EXPECT_TRUE(trials.front().is_finished());
  EXPECT_EQ(std::filesystem::hard_link_count(other.trial_file(kTrial)), 2U);
}

TEST_F(Status, OfAFisherRunIsWholeUnlessItsFileIsDamaged) {
  EXPECT_FALSE(load_fisher_status(*folder_, kFisherRun).is_done);
  std::filesystem::copy(test::golden("earlier_build/results/earlier/fisher") / (std::string(kFisherRun) + ".h5"),
                        folder_->fisher);
  EXPECT_TRUE(load_fisher_status(*folder_, kFisherRun).is_done);
  std::filesystem::resize_file(folder_->fisher_file(kFisherRun), 1000);
  EXPECT_FALSE(load_fisher_status(*folder_, kFisherRun).is_done);
  EXPECT_THAT(load_fisher_status(*folder_, kFisherRun).damage, HasSubstr(kFisherRun));
}

TEST_F(Status, KnowsWhereATrialDiverged) {
  EXPECT_FALSE(step_of_divergence(*folder_, kTrial));
  write(folder_->trial_file(kTrial), TrialEnd::kDone);
  EXPECT_FALSE(step_of_divergence(*folder_, kTrial));
  write(folder_->trial_file(kTrial), TrialEnd::kDiverged);
  EXPECT_EQ(step_of_divergence(*folder_, kTrial), 13);
}

TEST_F(Status, CheckpointsOlderThanTheirTrialsFileAreRemoved) {
  write_checkpoint();
  remove_stale_checkpoints(*folder_);
  EXPECT_TRUE(status().has_checkpoint);
  write(folder_->trial_file(kTrial), TrialEnd::kDone);
  const auto now = std::filesystem::file_time_type::clock::now();
  std::filesystem::last_write_time(folder_->trial_file(kTrial), now - std::chrono::hours(1));
  remove_stale_checkpoints(*folder_);
  EXPECT_TRUE(TrialCheckpoints(*folder_, kTrial).exist()) << "a newer one is of a training that is repeated";
  std::filesystem::last_write_time(folder_->trial_file(kTrial), now + std::chrono::hours(1));
  remove_stale_checkpoints(*folder_);
  EXPECT_FALSE(TrialCheckpoints(*folder_, kTrial).exist());
}

TEST_F(Status, OfADamagedCheckpointIsThatOfTheOneBefore) {
  write_checkpoint();
  const std::filesystem::path latest = folder_->checkpoint_folder(kTrial) / "latest.safetensors";
  const TrialCheckpoints checkpoints(*folder_, kTrial);
  const TrainState first = checkpoints.load().value();
  checkpoints.save(first);
  EXPECT_TRUE(std::filesystem::exists(folder_->checkpoint_folder(kTrial) / "previous.safetensors"));
  std::filesystem::resize_file(latest, 100);
  EXPECT_EQ(checkpoints.load().value().result.steps, first.result.steps);
  EXPECT_FALSE(std::filesystem::exists(latest)) << "else it would displace the good one";
}

// A build that reads an earlier one's checkpoint must find every bit of it, whatever its checksum looks like.
TEST_F(Status, CheckpointOfAnEarlierBuildIsTheSameWhenItIsWrittenAgain) {
  write_checkpoint();
  const std::filesystem::path latest = folder_->checkpoint_folder(kTrial) / "latest.safetensors";
  const CheckedTensors before = read_checked_tensors(latest);
  save_checkpoint(latest, load_checkpoint(latest));
  const CheckedTensors after = read_checked_tensors(latest);
  EXPECT_EQ(after.text, before.text);
  ASSERT_EQ(after.tensors.size(), before.tensors.size());
  for (std::size_t i = 0; i < after.tensors.size(); ++i) {
    EXPECT_EQ(after.tensors[i].first, before.tensors[i].first);
    EXPECT_TRUE(after.tensors[i].second.equal(before.tensors[i].second)) << after.tensors[i].first;
  }
}

TEST_F(Status, CheckpointOfAnEarlierBuildThatIsDamagedDoesNotCount) {
  write_checkpoint();
  const std::filesystem::path latest = folder_->checkpoint_folder(kTrial) / "latest.safetensors";
  std::string bytes = test::read_bytes(latest);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(latest, std::ios::binary) << bytes;
  EXPECT_FALSE(TrialCheckpoints(*folder_, kTrial).load());
}

TEST_F(Status, OfWeightsThatAreDamagedIsThatTheyAreMissing) {
  PlannedFisher planned;
  const std::string trial = kTrial;
  planned.training = trial;
  planned.step = 7;
  const std::filesystem::path file = folder_->weights_file(trial, 7);
  EXPECT_THAT(missing_weights_reason(*folder_, planned), HasSubstr("left no weights at step 7"));
  write_safetensors(file, {{"a", at::ones({3})}});
  EXPECT_EQ(missing_weights_reason(*folder_, planned), "");
  EXPECT_FALSE(needs_training(*folder_, trial, {planned}));
  std::string bytes = test::read_bytes(file);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(file, std::ios::binary) << bytes;
  EXPECT_NE(missing_weights_reason(*folder_, planned), "");
  EXPECT_TRUE(needs_training(*folder_, trial, {planned}));
}

}  // namespace
}  // namespace tunescope
