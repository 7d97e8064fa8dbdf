#include "tunescope/data/dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "support/small_dataset.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/io/sealed_file.hpp"

namespace tunescope {
namespace {

using test::example;
using test::message_of;
using test::numbered_dataset;
using test::small_tokenizer;
using test::tokenize;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refused_label(const char* task, const char* label) {
  return message_of<DataError>([&] { tokenize(task, {example("a", "b", label, 17)}); });
}

void expect_equal(const Dataset& one, const Dataset& other) {
  EXPECT_EQ(one.token_ids, other.token_ids);
  EXPECT_EQ(one.type_ids, other.type_ids);
  EXPECT_EQ(one.offsets, other.offsets);
  EXPECT_EQ(one.labels, other.labels);
}

TEST(TokenizeExamples, LaysExamplesEndToEnd) {
  const Dataset dataset =
      tokenize("RTE", {example("a", "bd c", "entailment", 2), example("c", "", "not_entailment", 3)});
  EXPECT_THAT(dataset.token_ids, ElementsAre(2, 5, 3, 6, 8, 7, 3, 2, 7, 3, 3));
  EXPECT_THAT(dataset.type_ids, ElementsAre(0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1));
  EXPECT_THAT(dataset.offsets, ElementsAre(0, 7, 11));
  EXPECT_THAT(dataset.labels, ElementsAre(0.0F, 1.0F));
}

TEST(TokenizeExamples, CutsExamplesToTheMaximumLength) {
  const Dataset dataset = tokenize("SST-2", {example("a b c a b c", "", "1", 2)}, 4);
  EXPECT_THAT(dataset.token_ids, ElementsAre(2, 5, 6, 3));
}

TEST(TokenizeExamples, NumbersMnliLabelsInGluesOrder) {
  const Dataset dataset = tokenize("MNLI", {example("a", "b", "contradiction", 2), example("a", "b", "entailment", 3),
                                            example("a", "b", "neutral", 4)});
  EXPECT_THAT(dataset.labels, ElementsAre(2.0F, 0.0F, 1.0F));
}

TEST(TokenizeExamples, RefusalOfALabelNamesFileAndLine) {
  EXPECT_THAT(refused_label("SST-2", "2"), AllOf(HasSubstr("glue/train.tsv:17"), HasSubstr("'2'"), HasSubstr("0, 1")));
  EXPECT_THAT(refused_label("MNLI", "-"),
              AllOf(HasSubstr("glue/train.tsv:17"), HasSubstr("entailment, neutral, contradiction")));
}

TEST(TokenizeExamples, KeepsStsBScoresFromZeroToFive) {
  const Dataset dataset =
      tokenize("STS-B", {example("a", "b", "0.000", 2), example("a", "b", "5", 3), example("a", "b", "3.25", 4)});
  EXPECT_THAT(dataset.labels, ElementsAre(0.0F, 5.0F, 3.25F));
}

TEST(TokenizeExamples, RefusesStsBScoresOutsideTheirRange) {
  for (const char* label : {"5.1", "-0.5", "nan", "inf", "", "high", "3.2x"}) {
    EXPECT_THAT(refused_label("STS-B", label), AllOf(HasSubstr("glue/train.tsv:17"), HasSubstr("from 0 to 5")))
        << label;
  }
}

class LoadTask : public ::testing::Test {
 protected:
  LoadTask() {
    folder_.write("glue/SST-2/train.tsv", "sentence\tlabel\na b\t1\nc\t0\na c b\t1\n");
    folder_.write("glue/SST-2/dev.tsv", "sentence\tlabel\nb\t0\n");
  }
  TaskData load(std::int64_t max_length = 128) {
    return load_task(glue_task("SST-2"), tokenizer_,
                     {.glue_folder = folder_.path() / "glue", .cache_folder = cache_folder(), .max_length = max_length},
                     [this](const std::string& warning) { warnings_.push_back(warning); });
  }
  std::filesystem::path cache_folder() const { return folder_.path() / "new" / "cache"; }
  std::vector<std::filesystem::path> cache_files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(cache_folder())) files.push_back(entry.path());
    return files;
  }

  test::TemporaryFolder folder_;
  WordPiece tokenizer_ = small_tokenizer();
  std::vector<std::string> warnings_;
};

TEST_F(LoadTask, ReadsTrainAndDev) {
  const TaskData data = load();
  EXPECT_EQ(data.task, &glue_task("SST-2"));
  EXPECT_THAT(data.train.labels, ElementsAre(1.0F, 0.0F, 1.0F));
  EXPECT_THAT(data.dev.token_ids, ElementsAre(2, 6, 3));
  EXPECT_EQ(data.mismatched_dev.size(), 0);
  EXPECT_EQ(data.content_hash.size(), 64U);
  EXPECT_THAT(warnings_, ElementsAre());
}

TEST_F(LoadTask, IsTheSameFromTheCache) {
  const TaskData first = load();
  EXPECT_EQ(cache_files().size(), 2U);
  const TaskData second = load();
  expect_equal(first.train, second.train);
  expect_equal(first.dev, second.dev);
  EXPECT_EQ(first.content_hash, second.content_hash);
}

TEST_F(LoadTask, WarnsOfSuspiciousRowsFromTheCacheToo) {
  folder_.write("glue/SST-2/dev.tsv", "sentence\tlabel\nb\xE9\t0\n");
  load();
  ASSERT_THAT(warnings_, ElementsAre(AllOf(HasSubstr("SST-2/dev.tsv: 1 rows are not UTF-8"), HasSubstr("line 2"))));
  const std::string first = warnings_.front();
  load();
  EXPECT_THAT(warnings_, ElementsAre(first, first));
}

TEST_F(LoadTask, NeedsNoCache) {
  const TaskData cached = load();
  std::filesystem::remove_all(folder_.path() / "new");
  folder_.write("new", "in the way");
  const DataWarning warn = [this](const std::string& warning) { warnings_.push_back(warning); };
  EXPECT_FALSE(prepare_cache(cache_folder(), warn));
  EXPECT_THAT(warnings_, ElementsAre(AllOf(HasSubstr(cache_folder().string()), HasSubstr("[data] cache"))));
  const TaskData uncached = load_task(
      glue_task("SST-2"), tokenizer_,
      {.glue_folder = folder_.path() / "glue", .cache_folder = cache_folder(), .may_write_cache = false}, warn);
  expect_equal(cached.train, uncached.train);
  EXPECT_EQ(warnings_.size(), 1U);
}

TEST_F(LoadTask, NamesTheCacheFileThatCannotBeWritten) {
  folder_.write("new", "in the way");
  EXPECT_THAT(test::message_of<EnvironmentError>([&] { load(); }), HasSubstr(cache_folder().string()));
}

TEST_F(LoadTask, NamesAndRebuildsATruncatedCacheFile) {
  const TaskData first = load();
  for (const auto& file : cache_files()) std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  const TaskData rebuilt = load();
  expect_equal(first.train, rebuilt.train);
  expect_equal(first.dev, rebuilt.dev);
  for (const auto& file : cache_files()) EXPECT_THAT(warnings_, Contains(HasSubstr(file.string() + ": is damaged")));
}

TEST_F(LoadTask, NamesAndRebuildsACacheFileWithAFlippedBit) {
  const TaskData first = load();
  for (const auto& file : cache_files()) {
    std::string bytes = test::read_bytes(file);
    bytes[bytes.size() / 2] ^= 1;
    std::ofstream(file, std::ios::binary) << bytes;
  }
  const TaskData rebuilt = load();
  expect_equal(first.train, rebuilt.train);
  expect_equal(first.dev, rebuilt.dev);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("checksum"), HasSubstr("checksum")));
  load();
  EXPECT_EQ(warnings_.size(), 2U) << "the file that was made again is good";
}

TEST_F(LoadTask, RebuildsACacheFileThatIsNoHdf5) {
  const TaskData first = load();
  for (const auto& file : cache_files()) {
    std::ofstream(file, std::ios::binary) << "no HDF5";
    seal_file(file);
  }
  expect_equal(first.train, load().train);
  EXPECT_EQ(warnings_.size(), 2U);
}

// Sets the first value of a table, with a checksum that fits.
void set_first_value(const std::filesystem::path& path, const char* table, double value) {
  {
    const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    const hdf5::Handle dataset(H5Dopen2(file.get(), table, H5P_DEFAULT), H5Dclose);
    const hdf5::Handle space(H5Dget_space(dataset.get()), H5Sclose);
    std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
    ASSERT_GE(H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    values.at(0) = value;
    ASSERT_GE(H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  }
  seal_file(path);
}

TEST_F(LoadTask, RebuildsACacheFileWhoseNumbersAreOutOfRange) {
  const TaskData first = load();
  const std::vector<std::pair<const char*, double>> faults = {{"token_ids", -1}, {"token_ids", 1e12}, {"type_ids", 1},
                                                              {"offsets", -3},   {"offsets", 1},      {"labels", 2},
                                                              {"labels", 0.5},   {"labels", -1},      {"labels", NAN}};
  for (const auto& [table, value] : faults) {
    for (const auto& file : cache_files()) set_first_value(file, table, value);
    warnings_.clear();
    expect_equal(first.train, load().train);
    EXPECT_THAT(warnings_, ElementsAre(HasSubstr(table), HasSubstr(table))) << value;
  }
}

TEST_F(LoadTask, CachesEveryMaximumLengthApart) {
  load();
  EXPECT_THAT(load(3).train.offsets, ElementsAre(0, 3, 6, 9));
}

TEST_F(LoadTask, SeesThatAFileHasChanged) {
  const std::string before = load().content_hash;
  folder_.write("glue/SST-2/dev.tsv", "sentence\tlabel\nc\t1\n");
  const TaskData changed = load();
  EXPECT_THAT(changed.dev.token_ids, ElementsAre(2, 7, 3));
  EXPECT_NE(changed.content_hash, before);
}

TEST_F(LoadTask, WarnsOfRowsLeftOut) {
  std::string rows = "sentence\tlabel\nno label\n";
  for (int i = 0; i < 200; ++i) rows += "a\t1\n";
  folder_.write("glue/SST-2/train.tsv", rows);
  EXPECT_EQ(load().train.size(), 200);
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_THAT(warnings_[0], AllOf(HasSubstr("train.tsv"), HasSubstr("1 rows"), HasSubstr("line 2")));
}

TEST_F(LoadTask, RefusesAMissingSplit) {
  std::filesystem::remove(folder_.path() / "glue/SST-2/dev.tsv");
  EXPECT_THAT(message_of<DataError>([&] { load(); }), AllOf(HasSubstr("dev.tsv"), HasSubstr("SST-2")));
}

TEST(Subsample, OfASmallerCountIsThePrefixOfALarger) {
  const Dataset dataset = numbered_dataset(50);
  const Dataset twenty = subsample(dataset, 20);
  const Dataset ten = subsample(dataset, 10);
  ASSERT_EQ(twenty.size(), 20);
  ASSERT_EQ(ten.size(), 10);
  EXPECT_EQ(ten.labels, std::vector<float>(twenty.labels.begin(), twenty.labels.begin() + 10));
  EXPECT_EQ(ten.offsets, std::vector<std::int64_t>(twenty.offsets.begin(), twenty.offsets.begin() + 11));
  EXPECT_EQ(ten.token_ids,
            std::vector<std::int32_t>(twenty.token_ids.begin(), twenty.token_ids.begin() + ten.token_count()));
}

TEST(Subsample, KeepsEachExamplesTokensAndLabelTogether) {
  const Dataset subset = subsample(numbered_dataset(50), 20);
  std::vector<bool> seen(50, false);
  for (std::size_t i = 0; i < 20; ++i) {
    const auto original = static_cast<std::int64_t>(subset.labels[i]);
    EXPECT_FALSE(seen[static_cast<std::size_t>(original)]) << "example " << original << " twice";
    seen[static_cast<std::size_t>(original)] = true;
    EXPECT_EQ(subset.offsets[i + 1] - subset.offsets[i], original + 1);
    for (auto token = subset.offsets[i]; token < subset.offsets[i + 1]; ++token) {
      EXPECT_EQ(subset.token_ids[static_cast<std::size_t>(token)], 100 + original);
    }
  }
}

TEST(Subsample, OfZeroOrTooManyIsTheWholeDataset) {
  const Dataset dataset = numbered_dataset(5);
  for (const std::int64_t count : {0, 5, 6}) expect_equal(subsample(dataset, count), dataset);
}

}  // namespace
}  // namespace tunescope
