#include "tunescope/data/demo.hpp"

#include <spdlog/fmt/fmt.h>

#include <vector>

#include "demo_sentences.hpp"
#include "tunescope/data/task.hpp"
#include "tunescope/io/atomic_file.hpp"

namespace tunescope {
namespace {

enum class Split { kTrain, kDev, kTest };

// A column: its header and its content, which is {index}, {first}, {second}, {label}, or a fixed text.
struct Column {
  std::string_view header;
  std::string_view content;
};

// The official column layouts. Source: the files of gluebenchmark.com.
std::vector<Column> columns_of(std::string_view task, Split split) {
  const bool is_test = split == Split::kTest;
  const Column index{"index", "{index}"};
  const Column label{"label", "{label}"};
  const Column sentence1{"sentence1", "{first}"};
  const Column sentence2{"sentence2", "{second}"};
  std::vector<Column> columns;
  if (task == "CoLA") {
    columns = is_test ? std::vector<Column>{index, {"sentence", "{first}"}}
                      : std::vector<Column>{{"source", "demo"}, label, {"mark", ""}, {"sentence", "{first}"}};
  } else if (task == "SST-2") {
    columns = is_test ? std::vector<Column>{index, {"sentence", "{first}"}}
                      : std::vector<Column>{{"sentence", "{first}"}, label};
  } else if (task == "MRPC") {
    columns = {is_test ? index : Column{"Quality", "{label}"},
               {"#1 ID", "{index}1"},
               {"#2 ID", "{index}2"},
               {"#1 String", "{first}"},
               {"#2 String", "{second}"}};
  } else if (task == "STS-B") {
    columns = {index,
               {"genre", "demo"},
               {"filename", "demo"},
               {"year", "2024"},
               {"old_index", "{index}"},
               {"source1", "none"},
               {"source2", "none"},
               sentence1,
               sentence2};
    if (!is_test) columns.push_back({"score", "{label}"});
  } else if (task == "QQP") {
    columns = {{"id", "{index}"},
               {"qid1", "{index}1"},
               {"qid2", "{index}2"},
               {"question1", "{first}"},
               {"question2", "{second}"}};
    if (!is_test) columns.push_back({"is_duplicate", "{label}"});
  } else if (task == "MNLI") {
    columns = {index,
               {"promptID", "{index}"},
               {"pairID", "{index}e"},
               {"genre", "demo"},
               {"sentence1_binary_parse", "( )"},
               {"sentence2_binary_parse", "( )"},
               {"sentence1_parse", "(ROOT )"},
               {"sentence2_parse", "(ROOT )"},
               sentence1,
               sentence2};
    if (!is_test) columns.push_back({"label1", "{label}"});
    if (!is_test) columns.push_back({"gold_label", "{label}"});
  } else {
    const bool is_qnli = task == "QNLI";
    columns = {index, is_qnli ? Column{"question", "{first}"} : sentence1,
               is_qnli ? Column{"sentence", "{second}"} : sentence2};
    if (!is_test) columns.push_back(label);
  }
  return columns;
}

std::string row(const std::vector<Column>& columns, const DemoExample& example, std::int64_t index) {
  std::string text;
  for (const Column& column : columns) {
    text += text.empty() && &column == &columns.front() ? "" : "\t";
    text += fmt::format(fmt::runtime(column.content), fmt::arg("index", index), fmt::arg("first", example.first),
                        fmt::arg("second", example.second), fmt::arg("label", example.label));
  }
  return text + "\n";
}

std::string header(const std::vector<Column>& columns) {
  std::string text;
  for (const Column& column : columns) text += (text.empty() ? "" : "\t") + std::string(column.header);
  return text + "\n";
}

// CoLA's train and dev files have no header; MRPC's files begin with a byte-order mark.
std::string file_start(std::string_view task, Split split, const std::vector<Column>& columns) {
  if (task == "CoLA" && split != Split::kTest) return "";
  return (task == "MRPC" ? "\xEF\xBB\xBF" : "") + header(columns);
}

void write_split(const std::filesystem::path& path, std::string_view task, Split split, std::int64_t count,
                 std::uint64_t number) {
  const std::vector<Column> columns = columns_of(task, split);
  RandomStream random(random_key(number, RandomUse::kDemo));
  std::string text = file_start(task, split, columns);
  for (std::int64_t i = 0; i < count; ++i) text += row(columns, draw_demo_example(task, random), i);
  write_text_atomically(path, text);
}

}  // namespace

void write_demo(const std::filesystem::path& folder, const DemoSizes& sizes) {
  std::uint64_t number = 0;
  for (const Task& task : glue_tasks()) {
    const std::filesystem::path task_folder = folder / task.name;
    make_folder(task_folder);
    write_split(task_folder / task.train_file, task.name, Split::kTrain, sizes.train, ++number);
    write_split(task_folder / task.dev_file, task.name, Split::kDev, sizes.dev, ++number);
    if (task.mismatched_dev_file.empty()) {
      write_split(task_folder / task.test_file, task.name, Split::kTest, sizes.test, ++number);
      continue;
    }
    write_split(task_folder / task.mismatched_dev_file, task.name, Split::kDev, sizes.dev, ++number);
    write_split(task_folder / "test_matched.tsv", task.name, Split::kTest, sizes.test, ++number);
    write_split(task_folder / "test_mismatched.tsv", task.name, Split::kTest, sizes.test, ++number);
  }
}

}  // namespace tunescope
