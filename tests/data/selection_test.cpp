#include "tunescope/data/selection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "support/small_dataset.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using test::message_of;
using test::numbered_dataset;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Each example can be told by its first token; its label is that of `label_of`.
template <typename LabelOf>
Dataset labelled_dataset(std::int64_t count, LabelOf label_of) {
  Dataset dataset = numbered_dataset(count);
  for (std::int64_t i = 0; i < count; ++i) dataset.labels[static_cast<std::size_t>(i)] = label_of(i);
  return dataset;
}

std::vector<std::int64_t> numbers_of(const Dataset& dataset) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    numbers.push_back(dataset.token_ids[static_cast<std::size_t>(dataset.offsets[static_cast<std::size_t>(i)])] - 100);
  }
  return numbers;
}

TaskData task_data(const char* task, const Dataset& train, const Dataset& dev) {
  TaskData data;
  data.task = &glue_task(task);
  data.train = train;
  data.dev = dev;
  return data;
}

// One example in five is of class 1.
float rare_class(std::int64_t i) { return i % 5 == 0 ? 1.0F : 0.0F; }

void expect_halves(const TaskData& data, std::int64_t count) {
  std::vector<std::int64_t> all = numbers_of(data.dev);
  EXPECT_TRUE(std::ranges::is_sorted(all));
  const std::vector<std::int64_t> choosing = numbers_of(data.selection);
  EXPECT_TRUE(std::ranges::is_sorted(choosing));
  EXPECT_LE(std::abs(data.dev.size() - data.selection.size()), 1);
  all.insert(all.end(), choosing.begin(), choosing.end());
  std::ranges::sort(all);
  std::vector<std::int64_t> expected(static_cast<std::size_t>(count));
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
}

TEST(Selection, IsWrittenAsItIsRead) {
  for (const char* text : {"dev", "half-dev", "train:0.1", "train:0.25"}) {
    EXPECT_EQ(parse_selection(text).text(), text);
  }
  EXPECT_EQ(parse_selection("train:0.10").text(), "train:0.1");
  for (const char* text : {"", "Dev", "half", "train", "train:", "train:0", "train:1", "train:-0.1", "train:10 %"}) {
    EXPECT_THAT(message_of<ConfigError>([&] { parse_selection(text); }), HasSubstr("dev, half-dev or train:FRACTION"))
        << text;
  }
}

TEST(Selection, LeavesTheDataAsTheyAreIfTheDevelopmentSetChooses) {
  TaskData data = task_data("RTE", numbered_dataset(3), numbered_dataset(4));
  set_selection_aside(data, parse_selection("dev"));
  EXPECT_EQ(data.train.size(), 3);
  EXPECT_EQ(data.dev.size(), 4);
  EXPECT_TRUE(data.chooses_on_dev());
  EXPECT_THAT(data.selection_hash, IsEmpty());
}

TEST(Selection, SplitsTheDevelopmentSetInHalvesWithTheSameClasses) {
  const Dataset dev = labelled_dataset(101, rare_class);
  TaskData data = task_data("MNLI", numbered_dataset(3), dev);
  data.mismatched_dev = numbered_dataset(7);
  set_selection_aside(data, parse_selection("half-dev"));
  expect_halves(data, dev.size());
  EXPECT_LE(std::abs(std::ranges::count(data.dev.labels, 1.0F) - std::ranges::count(data.selection.labels, 1.0F)), 1);
  for (std::int64_t i = 0; i < data.selection.size(); ++i) {
    EXPECT_EQ(data.selection.labels[static_cast<std::size_t>(i)],
              rare_class(numbers_of(data.selection)[static_cast<std::size_t>(i)]));
  }
  EXPECT_EQ(data.train.size(), 3);
  EXPECT_EQ(data.mismatched_dev.size(), 7) << "it never chooses";
}

TEST(Selection, TakesItsShareOfEachClassOutOfTheTrainingSet) {
  TaskData data = task_data("RTE", labelled_dataset(100, rare_class), numbered_dataset(4));
  set_selection_aside(data, parse_selection("train:0.1"));
  EXPECT_EQ(data.selection.size(), 10);
  EXPECT_EQ(std::ranges::count(data.selection.labels, 1.0F), 2);
  EXPECT_EQ(data.train.size(), 90);
  EXPECT_EQ(std::ranges::count(data.train.labels, 1.0F), 18);
  EXPECT_EQ(data.dev.size(), 4);
}

TEST(Selection, TakesItsShareOfEachTenthOfTheScores) {
  const auto score = [](std::int64_t i) { return static_cast<float>((i * 37) % 100) * 0.05F; };
  TaskData data = task_data("STS-B", labelled_dataset(100, score), numbered_dataset(4));
  set_selection_aside(data, parse_selection("train:0.2"));
  std::vector<std::int64_t> of_tenth(10);
  for (const float label : data.selection.labels) ++of_tenth[static_cast<std::size_t>(label / 0.5F + 1e-4F)];
  EXPECT_THAT(of_tenth, ::testing::Each(2));
}

TEST(Selection, IsDrawnAtRandom) {
  TaskData data = task_data("RTE", numbered_dataset(3), labelled_dataset(400, [](std::int64_t) { return 0.0F; }));
  set_selection_aside(data, parse_selection("half-dev"));
  const std::vector<std::int64_t> choosing = numbers_of(data.selection);
  std::set<std::int64_t> gaps;
  for (std::size_t i = 1; i < choosing.size(); ++i) gaps.insert(choosing[i] - choosing[i - 1]);
  EXPECT_GE(gaps.size(), 4U);
  EXPECT_NEAR(std::ranges::count_if(choosing, [](std::int64_t number) { return number < 200; }), 100, 30);
}

// SHA-256 of "0\n" and of "1\n" by sha256sum.
TEST(Selection, IsNamedByTheHashOfItsExamples) {
  TaskData data = task_data("RTE", numbered_dataset(3), labelled_dataset(2, [](std::int64_t) { return 0.0F; }));
  set_selection_aside(data, parse_selection("half-dev"));
  const char* const expected =
      numbers_of(data.selection) == std::vector<std::int64_t>{0} ? "9a271f2a916b0b6e" : "4355a46b19d348dc";
  EXPECT_EQ(data.selection_hash, expected);
}

TEST(Selection, OfTooFewExamplesIsRefused) {
  TaskData data = task_data("RTE", numbered_dataset(5), numbered_dataset(1));
  EXPECT_THAT(message_of<ConfigError>([&] { set_selection_aside(data, parse_selection("half-dev")); }),
              HasSubstr("half-dev: the 1 examples of the development set of task RTE cannot be split so"));
  EXPECT_THAT(message_of<ConfigError>([&] { set_selection_aside(data, parse_selection("train:0.1")); }),
              HasSubstr("the 5 examples of the training set"));
}

}  // namespace
}  // namespace tunescope
