#include "tunescope/results/trial_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "results/schema.hpp"
#include "support/changed_bytes.hpp"
#include "support/sample_record.hpp"
#include "support/small_config.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/io/sealed_file.hpp"
#include "tunescope/results/results_file.hpp"

namespace tunescope {
namespace {

using test::expect_same_numbers;
using test::sample_record;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void expect_same_row(const TrialRow& found, const TrialRow& expected) {
  schema::for_each_column(schema::kTrialColumns, [&](const auto& column) {
    EXPECT_EQ(found.*column.member, expected.*column.member) << column.name;
  });
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
  EXPECT_EQ(read.axes.roles, written.axes.roles);
  expect_same_numbers(read.change.mean_abs, written.change.mean_abs);
  expect_same_numbers(read.change.rms, written.change.rms);
  expect_same_numbers(read.change.relative_l2, written.change.relative_l2);
  expect_same_numbers(read.change.max_abs, written.change.max_abs);
  ASSERT_EQ(read.added_change.size(), written.added_change.size());
  for (std::size_t i = 0; i < read.added_change.size(); ++i) {
    const auto& [tensor, size, change] = read.added_change[i];
    const auto& [written_tensor, written_size, written_change] = written.added_change[i];
    EXPECT_EQ(tensor, written_tensor);
    EXPECT_EQ(size, written_size);
    expect_same_numbers(
        {change.mean_abs, change.rms, change.relative_l2, change.max_abs},
        {written_change.mean_abs, written_change.rms, written_change.relative_l2, written_change.max_abs});
  }
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

TEST(MapAxes, HaveASizeAndARoleForEveryTensorOfTheModel) {
  const ParameterCatalogue catalogue = test::small_catalogue(2);
  const MapAxes axes = MapAxes::of(catalogue);
  EXPECT_THAT(axes.layers, ElementsAre("embeddings", "0", "1", "pooler", "head"));
  EXPECT_EQ(axes.components.size(), 25U);
  EXPECT_EQ(axes.sizes.size(), axes.cell_count());
  EXPECT_EQ(axes.sizes.front(), 11 * 4);  // the word embeddings
  EXPECT_EQ(axes.sizes.back(), 2);        // the classifier's bias
  EXPECT_EQ(axes.sizes[axes.components.size()], 0) << "layer 0 has no word embeddings";
  EXPECT_EQ(axes.roles.size(), axes.cell_count());
  EXPECT_EQ(axes.roles.front(), "embeddings.word");
  EXPECT_EQ(axes.roles.back(), "head.classifier.bias");
  EXPECT_EQ(axes.roles[axes.components.size()], "") << "layer 0 has no word embeddings";
}

}  // namespace
}  // namespace tunescope
