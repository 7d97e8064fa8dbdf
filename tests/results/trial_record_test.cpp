#include "tunescope/results/trial_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/changed_bytes.hpp"
#include "support/sample_record.hpp"
#include "support/small_config.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/version.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/io/sealed_file.hpp"
#include "tunescope/results/results_file.hpp"

namespace tunescope {
namespace {

using test::sample_record;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::NanSensitiveDoubleEq;
using ::testing::Pointwise;

void expect_same_numbers(const std::vector<double>& found, const std::vector<double>& expected) {
  EXPECT_THAT(found, Pointwise(NanSensitiveDoubleEq(), expected));
}

void expect_same_row(const TrialRow& found, const TrialRow& expected) {
  EXPECT_EQ(found.id, expected.id);
  EXPECT_EQ(found.task, expected.task);
  EXPECT_EQ(found.method, expected.method);
  EXPECT_EQ(found.mask, expected.mask);
  EXPECT_EQ(found.state, expected.state);
  EXPECT_EQ(found.metric, expected.metric);
  EXPECT_EQ(found.device, expected.device);
  EXPECT_EQ(found.hostname, expected.hostname);
  EXPECT_EQ(found.error, expected.error);
  EXPECT_EQ(found.learning_rate, expected.learning_rate);
  EXPECT_EQ(found.score, expected.score);
  EXPECT_EQ(found.final_score, expected.final_score);
  EXPECT_EQ(found.wall_seconds, expected.wall_seconds);
  EXPECT_EQ(found.seed, expected.seed);
  EXPECT_EQ(found.best_step, expected.best_step);
  EXPECT_EQ(found.steps, expected.steps);
  EXPECT_EQ(found.trainable_parameters, expected.trainable_parameters);
  EXPECT_EQ(found.total_parameters, expected.total_parameters);
  EXPECT_EQ(found.train_examples, expected.train_examples);
  EXPECT_EQ(found.dev_examples, expected.dev_examples);
  EXPECT_EQ(found.rank, expected.rank);
  EXPECT_EQ(found.threads, expected.threads);
}

void expect_same_predictions(const Predictions& found, const Predictions& expected) {
  EXPECT_EQ(found.output_size, expected.output_size);
  EXPECT_EQ(found.logits, expected.logits);
  EXPECT_EQ(found.labels, expected.labels);
}

TEST(TrialRecord, ReadsBackEveryFieldItWrote) {
  const test::TemporaryFolder folder;
  const TrialRecord written = sample_record("trial-a", 0);
  write_trial(folder.path() / "a.h5", written);
  const TrialRecord read = read_trial(folder.path() / "a.h5");

  expect_same_row(read.row, written.row);
  expect_same_numbers(read.best_scores, written.best_scores);
  expect_same_numbers(read.final_scores, written.final_scores);
  EXPECT_EQ(read.axes.layers, written.axes.layers);
  EXPECT_EQ(read.axes.components, written.axes.components);
  EXPECT_EQ(read.axes.sizes, written.axes.sizes);
  expect_same_numbers(read.change.mean_abs, written.change.mean_abs);
  expect_same_numbers(read.change.rms, written.change.rms);
  expect_same_numbers(read.change.relative_l2, written.change.relative_l2);
  expect_same_numbers(read.change.max_abs, written.change.max_abs);
  ASSERT_EQ(read.evaluations.size(), written.evaluations.size());
  for (std::size_t i = 0; i < written.evaluations.size(); ++i) {
    EXPECT_EQ(read.evaluations[i].step, written.evaluations[i].step);
    EXPECT_EQ(read.evaluations[i].epoch, written.evaluations[i].epoch);
    EXPECT_EQ(read.evaluations[i].loss, written.evaluations[i].loss);
    expect_same_numbers(read.evaluations[i].scores, written.evaluations[i].scores);
  }
  ASSERT_EQ(read.history.size(), written.history.size());
  for (std::size_t i = 0; i < written.history.size(); ++i) {
    EXPECT_EQ(read.history[i].step, written.history[i].step);
    EXPECT_EQ(read.history[i].loss, written.history[i].loss);
    EXPECT_EQ(read.history[i].learning_rate, written.history[i].learning_rate);
    EXPECT_EQ(read.history[i].gradient_norm, written.history[i].gradient_norm);
  }
  expect_same_predictions(read.predictions, written.predictions);
  expect_same_predictions(read.mismatched_predictions, written.mismatched_predictions);
}

TEST(TrialRecord, ReadsItsRowAlone) {
  const test::TemporaryFolder folder;
  TrialRecord record = sample_record("trial-a", 3);
  record.row.state = "failed";
  record.row.error = "loss is nan at step 7\nsecond line";
  write_trial(folder.path() / "a.h5", record);
  expect_same_row(read_trial_row(folder.path() / "a.h5"), record.row);
}

TEST(TrialRecord, MayLackHistoryEvaluationsAndPredictions) {
  const test::TemporaryFolder folder;
  TrialRecord record = sample_record("trial-a", 0);
  record.evaluations.clear();
  record.history.clear();
  record.predictions = {};
  record.mismatched_predictions = {};
  write_trial(folder.path() / "a.h5", record);
  const TrialRecord read = read_trial(folder.path() / "a.h5");
  EXPECT_TRUE(read.evaluations.empty());
  EXPECT_TRUE(read.history.empty());
  EXPECT_TRUE(read.predictions.labels.empty());
  EXPECT_TRUE(read.mismatched_predictions.labels.empty());
}

TEST(TrialRecord, RefusesATruncatedFile) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "a.h5";
  write_trial(path, sample_record("trial-a", 0));
  const std::string whole = test::read_bytes(path);
  for (const std::size_t parts : {0U, 1U, 2U, 3U}) {
    folder.write("a.h5", whole.substr(0, whole.size() * parts / 4));
    EXPECT_THAT(test::message_of<Hdf5Error>([&] { read_trial(path); }), HasSubstr("a.h5")) << parts << " quarters";
    EXPECT_THROW(read_trial_row(path), Hdf5Error) << parts << " quarters";
  }
}

TEST(TrialRecord, RefusesAChangedByteAnywhere) {
  const test::TemporaryFolder folder;
  write_trial(folder.path() / "a.h5", sample_record("trial-a", 0));
  test::expect_changes_are_refused(folder, "a.h5", read_trial_row);
}

TEST(TrialRecord, RefusesAMissingFile) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(read_trial(folder.path() / "absent.h5"), Hdf5Error);
}

TEST(TrialRecord, RefusesAnotherSchemaVersion) {
  const test::TemporaryFolder folder;
  hdf5::File file = hdf5::File::create(folder.path() / "a.h5");
  file.write_attribute("schema_version", std::int64_t{999});
  file.close();
  seal_file(folder.path() / "a.h5");
  EXPECT_THAT(test::message_of<Hdf5Error>([&] { read_trial(folder.path() / "a.h5"); }), HasSubstr("999"));
}

TEST(TrialRecord, RefusesAnHdf5FileThatHoldsNoTrial) {
  const test::TemporaryFolder folder;
  hdf5::File::create(folder.path() / "a.h5").close();
  seal_file(folder.path() / "a.h5");
  EXPECT_THROW(read_trial(folder.path() / "a.h5"), Hdf5Error);
}

TEST(TrialRecord, RefusesAFileOfNoTrials) {
  const test::TemporaryFolder folder;
  merge_files(folder.path() / "none.h5", {.trial_files = {}, .fisher_files = {}, .masks = {}}, {});
  seal_file(folder.path() / "none.h5");
  EXPECT_THROW(read_trial(folder.path() / "none.h5"), Hdf5Error);
  EXPECT_THROW(read_trial_row(folder.path() / "none.h5"), Hdf5Error);
}

// Puts a table of `lengths` zeros, which takes no room in the file, in the place of another.
void replace_table(const std::filesystem::path& path, const std::string& name, const hdf5::Shape& lengths) {
  const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
  const hdf5::Handle space(H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr), H5Sclose);
  ASSERT_GE(H5Ldelete(file.get(), name.c_str(), H5P_DEFAULT), 0);
  const hdf5::Handle table(
      H5Dcreate2(file.get(), name.c_str(), H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      H5Dclose);
  ASSERT_GE(table.get(), 0);
}

TEST(TrialRecord, RefusesTablesOfUnequalLength) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "a.h5";
  for (const char* table : {"scores/best", "scores/final", "change/size", "evaluations/loss", "evaluations/f1",
                            "history/loss", "predictions/trial-a/label", "predictions/trial-a/logits"}) {
    write_trial(path, sample_record("trial-a", 0));
    replace_table(path, table, {1});
    seal_file(path);
    EXPECT_THAT(test::message_of<Hdf5Error>([&] { read_trial(path); }), HasSubstr("a.h5: tables of unequal length"))
        << table;
  }
}

TEST(TrialRecord, RefusesMoreValuesThanItsFileCanHold) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "a.h5";
  constexpr hsize_t kBillion = 1'000'000'000;
  for (const hdf5::Shape& lengths : {hdf5::Shape{kBillion}, hdf5::Shape{kBillion, kBillion}}) {
    write_trial(path, sample_record("trial-a", 0));
    replace_table(path, "history/loss", lengths);
    seal_file(path);
    EXPECT_THAT(test::message_of<Hdf5Error>([&] { read_trial(path); }), HasSubstr("a.h5:/history:/loss"));
  }
}

// The library would store all of them where there is room for one.
TEST(TrialRecord, RefusesAListForItsVersion) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "a.h5";
  write_trial(path, sample_record("trial-a", 0));
  {
    const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    const hsize_t count = 4000;
    const hdf5::Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
    ASSERT_GE(H5Adelete(file.get(), "schema_version"), 0);
    const hdf5::Handle attribute(
        H5Acreate2(file.get(), "schema_version", H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    const std::vector<std::int64_t> ones(count, 1);
    ASSERT_GE(H5Awrite(attribute.get(), H5T_NATIVE_INT64, ones.data()), 0);
  }
  seal_file(path);
  EXPECT_THAT(test::message_of<Hdf5Error>([&] { read_trial(path); }), HasSubstr("schema_version"));
}

TEST(MapAxes, HaveASizeForEveryTensorOfTheModel) {
  const ParameterCatalogue catalogue(test::small_config(), 2);
  const MapAxes axes = MapAxes::of(catalogue);
  EXPECT_THAT(axes.layers, ElementsAre("embeddings", "0", "1", "pooler", "head"));
  EXPECT_EQ(axes.components.size(), 25U);
  EXPECT_EQ(axes.sizes.size(), axes.cell_count());
  EXPECT_EQ(axes.sizes.front(), 11 * 4);  // the word embeddings
  EXPECT_EQ(axes.sizes.back(), 2);        // the classifier's bias
  EXPECT_EQ(axes.sizes[axes.components.size()], 0) << "layer 0 has no word embeddings";
}

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
  EXPECT_EQ(merged.read_integer_attribute("schema_version"), 1);
  EXPECT_EQ(merged.read_integer_attribute("complete"), 1);
  EXPECT_EQ(merged.read_string_attribute("job"), "[job]\nname = \"ä\"\n");
  EXPECT_EQ(merged.read_string_attribute("tunescope_version"), version());
  EXPECT_EQ(merged.read_string_attribute("git_commit"), git_commit());
  EXPECT_THAT(merged.read_string_attribute("created"),
              testing::MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+Z"));
}

TEST_F(MergedTrials, NameWhatTheirTrialsDrewAnewAndOnlyThen) {
  EXPECT_THROW(hdf5::File::open(merged_file_).read_string_attribute("drawn_anew"), Hdf5Error);
  merge_files(merged_file_, {.trial_files = {first_file_}, .fisher_files = {}, .masks = {}},
              {.job_text = "", .drawn_anew = "bert.pooler.dense.weight bert.pooler.dense.bias"});
  EXPECT_EQ(hdf5::File::open(merged_file_).read_string_attribute("drawn_anew"),
            "bert.pooler.dense.weight bert.pooler.dense.bias");
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
