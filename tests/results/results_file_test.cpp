#include "tunescope/results/results_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/sample_record.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/version.hpp"
#include "tunescope/hdf5/file.hpp"

namespace tunescope {
namespace {

using test::expect_same_numbers;
using test::sample_record;
using ::testing::ElementsAre;

class MergedTrials : public ::testing::Test {
 protected:
  MergedTrials() {
    write_trial(first_file_, first_);
    write_trial(second_file_, second_);
    merge_files(merged_file_, {.trial_files = {first_file_, second_file_}, .fisher_files = {}, .masks = {}},
                {.job_text = "[job]\nname = \"ä\"\n", .is_complete = true});
  }

  test::TemporaryFolder folder_;
  const TrialRecord first_ = sample_record("trial-a", 0);
  const TrialRecord second_ = [] {
    TrialRecord record = sample_record("trial-b", 100);
    record.history.pop_back();
    return record;
  }();
  const std::filesystem::path first_file_ = folder_.path() / "a.h5";
  const std::filesystem::path second_file_ = folder_.path() / "b.h5";
  const std::filesystem::path merged_file_ = folder_.path() / "merged.h5";
};

std::vector<double> joined(std::vector<double> one, const std::vector<double>& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

TEST_F(MergedTrials, EqualTheirParts) {
  const hdf5::File merged = hdf5::File::open(merged_file_);
  const hdf5::Group trials = merged.open_group("trials");
  EXPECT_THAT(trials.read_strings("id"), ElementsAre("trial-a", "trial-b"));
  EXPECT_THAT(trials.read_integers("seed"), ElementsAre(11, 111));
  EXPECT_THAT(trials.read_integers("total_parameters"), ElementsAre(5'000'000'000, 5'000'000'100));
  EXPECT_THAT(trials.read_doubles("score"), ElementsAre(0.75, 100.75));

  const hdf5::Group scores = merged.open_group("scores");
  expect_same_numbers(scores.read_doubles("best"), joined(first_.best_scores, second_.best_scores));
  expect_same_numbers(scores.read_doubles("final"), joined(first_.final_scores, second_.final_scores));

  const hdf5::Group change = merged.open_group("change");
  EXPECT_THAT(change.shape("mean_abs"), ElementsAre(2, 2, 3));
  expect_same_numbers(change.read_doubles("mean_abs"), joined(first_.change.mean_abs, second_.change.mean_abs));
  expect_same_numbers(change.read_doubles("max_abs"), joined(first_.change.max_abs, second_.change.max_abs));
  for (const TrialRecord* record : {&first_, &second_}) {
    const hdf5::Group added = merged.open_group("added_change").open_group(record->row.id);
    EXPECT_EQ(added.read_strings("tensor").at(1), record->added_change[1].tensor);
    EXPECT_EQ(added.read_doubles("max_abs").at(1), record->added_change[1].change.max_abs);
  }
  EXPECT_EQ(change.read_integers("size"), first_.axes.sizes);
}

TEST_F(MergedTrials, TellWhichRowsAreWhoseByTrial) {
  const hdf5::File merged = hdf5::File::open(merged_file_);
  EXPECT_THAT(merged.open_group("history").read_integers("trial"), ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(merged.open_group("history").read_integers("step"), ElementsAre(1, 2, 3, 1, 2));
  EXPECT_THAT(merged.open_group("evaluations").read_integers("trial"), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(merged.open_group("evaluations").read_integers("step"), ElementsAre(5, 10, 5, 10));
}

TEST_F(MergedTrials, KeepEachTrialsPredictions) {
  const hdf5::Group predictions = hdf5::File::open(merged_file_).open_group("predictions");
  EXPECT_THAT(predictions.members(), ElementsAre("trial-a", "trial-b"));
  EXPECT_EQ(predictions.open_group("trial-a").read_floats("logits"), first_.predictions.logits);
  EXPECT_EQ(predictions.open_group("trial-b").read_floats("logits"), second_.predictions.logits);
  EXPECT_EQ(predictions.open_group("trial-b").read_floats("label_mismatched"), second_.mismatched_predictions.labels);
}

TEST_F(MergedTrials, CarryTheAttributesOfTheirJob) {
  const hdf5::File merged = hdf5::File::open(merged_file_);
  EXPECT_EQ(merged.read_integer_attribute("schema_version"), 9);
  EXPECT_EQ(merged.read_integer_attribute("complete"), 1);
  EXPECT_EQ(merged.read_string_attribute("job"), "[job]\nname = \"ä\"\n");
  EXPECT_EQ(merged.read_string_attribute("tunescope_version"), version());
  EXPECT_EQ(merged.read_string_attribute("git_commit"), git_commit());
  EXPECT_THAT(merged.read_string_attribute("created"),
              testing::MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+Z"));
}

TEST_F(MergedTrials, NameWhatTheirTrialsDrewAnewAndOnlyThen) {
  EXPECT_THROW(hdf5::File::open(merged_file_).read_string_attribute("drawn_anew"), Hdf5Error);
  merge_files(
      merged_file_, {.trial_files = {first_file_}, .fisher_files = {}, .masks = {}},
      {.job_text = "", .architecture = "BERT", .drawn_anew = "bert.pooler.dense.weight bert.pooler.dense.bias"});
  EXPECT_EQ(hdf5::File::open(merged_file_).read_string_attribute("drawn_anew"),
            "bert.pooler.dense.weight bert.pooler.dense.bias");
}

TEST_F(MergedTrials, TellTheSizeOfTheWeightsThatLieBesideThemNow) {
  EXPECT_THAT(hdf5::File::open(merged_file_).open_group("trials").read_integers("kept_bytes"), ElementsAre(21, 121));
  merge_files(merged_file_,
              {.trial_files = {first_file_, second_file_}, .kept_bytes = {5, 0}, .fisher_files = {}, .masks = {}}, {});
  EXPECT_THAT(hdf5::File::open(merged_file_).open_group("trials").read_integers("kept_bytes"), ElementsAre(5, 0));
}

TEST_F(MergedTrials, MayBeIncomplete) {
  merge_files(merged_file_, {.trial_files = {second_file_}, .fisher_files = {}, .masks = {}},
              {.job_text = "", .is_complete = false});
  const hdf5::File merged = hdf5::File::open(merged_file_);
  EXPECT_EQ(merged.read_integer_attribute("complete"), 0);
  EXPECT_THAT(merged.open_group("trials").read_strings("id"), ElementsAre("trial-b"));
}

TEST_F(MergedTrials, RefuseADamagedPartAndKeepTheOldFile) {
  const std::string before = test::read_bytes(merged_file_);
  std::filesystem::resize_file(second_file_, std::filesystem::file_size(second_file_) / 2);
  EXPECT_THROW(
      merge_files(merged_file_, {.trial_files = {first_file_, second_file_}, .fisher_files = {}, .masks = {}}, {}),
      Hdf5Error);
  EXPECT_EQ(test::read_bytes(merged_file_), before);
}

}  // namespace
}  // namespace tunescope
