#include "tunescope/data/demo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"
#include "tunescope/data/dataset.hpp"
#include "tunescope/data/examples.hpp"
#include "tunescope/text/word_piece/word_piece.hpp"

namespace tunescope {
namespace {

// Relative path and bytes of every file below a folder.
std::map<std::string, std::string> contents(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[std::filesystem::relative(entry.path(), folder).string()] = test::read_bytes(entry.path());
  }
  return files;
}

// The splits of a task that have labels, and the number of examples that each should have.
std::map<std::string, std::int64_t> labelled_splits(const Task& task, const DemoSizes& sizes) {
  std::map<std::string, std::int64_t> splits = {{"train.tsv", sizes.train}, {std::string(task.dev_file), sizes.dev}};
  if (!task.mismatched_dev_file.empty()) splits[std::string(task.mismatched_dev_file)] = sizes.dev;
  return splits;
}

class Demo : public ::testing::Test {
 protected:
  Demo() { write_demo(folder_.path(), sizes_); }

  DemoSizes sizes_;
  test::TemporaryFolder folder_;
};

TEST_F(Demo, HasTheSameBytesEveryTime) {
  const test::TemporaryFolder other;
  write_demo(other.path(), sizes_);
  const auto files = contents(folder_.path());
  EXPECT_EQ(files, contents(other.path()));
  EXPECT_EQ(files.size(), 7U * 3U + 5U);  // MNLI has two dev and two test files
}

TEST_F(Demo, WritesSplitsThatReadWithTokenizableLabels) {
  const WordPiece tokenizer(std::vector<std::string>{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"},
                            WordPieceOptions{});
  for (const Task& task : glue_tasks()) {
    for (const auto& [name, size] : labelled_splits(task, sizes_)) {
      const std::filesystem::path path = folder_.path() / task.name / name;
      SCOPED_TRACE(path.string());
      const RawExamples raw = read_examples(path, task, Labels::kRead);
      EXPECT_EQ(raw.malformed.count, 0U);
      EXPECT_EQ(static_cast<std::int64_t>(raw.examples.size()), size);
      EXPECT_EQ(tokenize_examples(raw, task, tokenizer, 128, path).size(), size);
      for (const RawExample& example : raw.examples) {
        EXPECT_FALSE(example.first.empty()) << "line " << example.line;
        EXPECT_EQ(example.second.empty(), task.text_columns.size() == 1) << "line " << example.line;
      }
    }
  }
}

TEST_F(Demo, WritesTestFilesWithoutLabels) {
  for (const Task& task : glue_tasks()) {
    const char* name = task.name == "MNLI" ? "test_matched.tsv" : "test.tsv";
    const RawExamples raw = read_examples(folder_.path() / task.name / name, task, Labels::kIgnore);
    EXPECT_EQ(static_cast<std::int64_t>(raw.examples.size()), sizes_.test) << task.name;
  }
}

TEST_F(Demo, HasNoClassWithMoreThanThreeQuartersOfASplit) {
  for (const Task& task : glue_tasks()) {
    for (const auto& [name, size] : labelled_splits(task, sizes_)) {
      std::map<std::string, std::int64_t> counts;
      for (const RawExample& example : read_examples(folder_.path() / task.name / name, task, Labels::kRead).examples) {
        ++counts[example.label];
      }
      for (const auto& [label, count] : counts) {
        EXPECT_LE(count * 4, size * 3) << task.name << "/" << name << ": label " << label;
      }
      if (!task.is_regression()) {
        EXPECT_EQ(counts.size(), task.labels.size()) << task.name << "/" << name;
      }
    }
  }
}

// The words alone do not decide it: a classifier of words, such as the head alone, must not be enough.
TEST_F(Demo, DeniesHalfOfTheSentimentsAndTurnsTheirLabels) {
  const RawExamples raw = read_examples(folder_.path() / "SST-2" / "train.tsv", glue_task("SST-2"), Labels::kRead);
  std::map<std::pair<bool, std::string>, std::int64_t> counts;  // by whether the sentence denies, and label
  for (const RawExample& example : raw.examples) {
    const bool is_denied = example.first.find("not ") != std::string::npos;
    const bool is_praise = example.first.find("dull") == std::string::npos;
    if (example.first.find("dull") != std::string::npos || example.first.find("superb") != std::string::npos) {
      EXPECT_EQ(example.label, is_praise != is_denied ? "1" : "0") << "line " << example.line;
    }
    ++counts[{is_denied, example.label}];
  }
  ASSERT_EQ(counts.size(), 4U);
  for (const auto& [kind, count] : counts) EXPECT_GT(count, sizes_.train / 5);
}

}  // namespace
}  // namespace tunescope
