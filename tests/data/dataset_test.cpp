#include "tunescope/data/dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/io/sealed_file.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Ids: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, a 5, b 6, c 7, ##d 8.
WordPiece small_tokenizer() {
  return WordPiece(std::vector<std::string>{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##d"},
                   WordPieceOptions{});
}

RawExample example(std::string first, std::string second, std::string label, std::size_t line) {
  return {.first = std::move(first), .second = std::move(second), .label = std::move(label), .line = line};
}

Dataset tokenize(const char* task, std::vector<RawExample> examples, std::int64_t max_length = 128) {
  const RawExamples raw{.examples = std::move(examples)};
  return tokenize_examples(raw, find_task(task), small_tokenizer(), max_length, "glue/train.tsv");
}

std::string refused_label(const char* task, const char* label) {
  return message_of<DataError>([&] { tokenize(task, {example("a", "b", label, 17)}); });
}

void expect_equal(const Dataset& one, const Dataset& other) {
  EXPECT_EQ(one.token_ids, other.token_ids);
  EXPECT_EQ(one.type_ids, other.type_ids);
  EXPECT_EQ(one.offsets, other.offsets);
  EXPECT_EQ(one.labels, other.labels);
}

// Examples of 1, 2, ... `count` tokens; every token of example i has the id 100 + i, and i is its label.
Dataset numbered_dataset(std::int64_t count) {
  Dataset dataset;
  for (std::int64_t i = 0; i < count; ++i) {
    dataset.token_ids.insert(dataset.token_ids.end(), static_cast<std::size_t>(i + 1),
                             static_cast<std::int32_t>(100 + i));
    dataset.type_ids.resize(dataset.token_ids.size(), 0);
    dataset.offsets.push_back(static_cast<std::int64_t>(dataset.token_ids.size()));
    dataset.labels.push_back(static_cast<float>(i));
  }
  return dataset;
}

std::vector<std::int64_t> integers(const at::Tensor& tensor) {
  EXPECT_EQ(tensor.scalar_type(), at::kLong);
  const auto* data = tensor.const_data_ptr<std::int64_t>();
  return {data, data + tensor.numel()};
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
    return load_task(find_task("SST-2"), tokenizer_,
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
  EXPECT_EQ(data.task, &find_task("SST-2"));
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
      find_task("SST-2"), tokenizer_,
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

TEST(SplitByTokens, CutsConsecutiveRunsOfAtMostThatManyTokens) {
  // Lengths 1 2 3 4 5: 1+2+3 = 6 | 4 | 5.
  EXPECT_THAT(split_by_tokens(numbered_dataset(5), 6),
              ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3), ElementsAre(4)));
}

TEST(SplitByTokens, GivesALongerExampleARunOfItsOwn) {
  EXPECT_THAT(split_by_tokens(numbered_dataset(4), 2),
              ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2), ElementsAre(3)));
}

TEST(SplitByTokens, OfNoExamplesIsEmpty) { EXPECT_TRUE(split_by_tokens(Dataset{}, 10).empty()); }

TEST(Pack, LaysTheNamedExamplesEndToEndInTheirOrder) {
  const Dataset dataset = tokenize("RTE", {example("a", "bd", "entailment", 2), example("b b", "c", "entailment", 3),
                                           example("c", "a a", "not_entailment", 4)});
  const PackedBatch batch = pack(dataset, std::vector<std::int64_t>{2, 0}, false, at::kCPU);
  EXPECT_THAT(batch.examples, ElementsAre(2, 0));
  EXPECT_THAT(batch.sequence_offsets, ElementsAre(0, 6, 12));
  EXPECT_EQ(batch.token_count(), 12);
  EXPECT_EQ(batch.sequence_count(), 2);
  EXPECT_THAT(integers(batch.token_ids), ElementsAre(2, 7, 3, 5, 5, 3, 2, 5, 3, 6, 8, 3));
  EXPECT_THAT(integers(batch.type_ids), ElementsAre(0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1));
  EXPECT_THAT(integers(batch.position_ids), ElementsAre(0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5));
  EXPECT_THAT(integers(batch.first_tokens), ElementsAre(0, 6));
  EXPECT_THAT(integers(batch.labels), ElementsAre(1, 0));
}

TEST(Pack, GivesRegressionLabelsAsFloats) {
  const Dataset dataset = tokenize("STS-B", {example("a", "b", "2.5", 2), example("b", "c", "0.75", 3)});
  const PackedBatch batch = pack(dataset, std::vector<std::int64_t>{0, 1}, true, at::kCPU);
  ASSERT_EQ(batch.labels.scalar_type(), at::kFloat);
  EXPECT_EQ(batch.labels.const_data_ptr<float>()[0], 2.5F);
  EXPECT_EQ(batch.labels.const_data_ptr<float>()[1], 0.75F);
}

}  // namespace
}  // namespace tunescope
