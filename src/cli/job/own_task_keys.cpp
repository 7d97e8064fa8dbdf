#include "own_task_keys.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/data/submission.hpp"

namespace tunescope::cli {
namespace {

constexpr std::string_view kRegression = "regression";

// The predictions of an own task lie beside a submission to GLUE.
bool is_name_of_glue(const std::string& name) {
  const auto is_its_file = [&](std::string_view file) { return plain_name(file) == plain_name(name + ".tsv"); };
  return find_glue_task(name) != nullptr || std::ranges::any_of(submission_files(), is_its_file);
}

std::string name_of_own_task(const Value& value) {
  const std::string name = value.key.substr(kOwnTask.size(), value.key.rfind('.') - kOwnTask.size());
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  if (name.empty() || name.find_first_not_of(kAllowed) != std::string::npos) {
    refuse(value, fmt::format("a task's name of letters, digits, '-' and '_', not '{}'", name));
  }
  if (is_name_of_glue(name)) {
    refuse(value, fmt::format("another name than '{}', which is a task or a test file of GLUE", name));
  }
  return name;
}

// The task that a key is of; a new one if the key is its first.
Task& own_task(SweepSpec& spec, const Value& value) {
  const std::string name = name_of_own_task(value);
  const auto found = std::ranges::find(spec.own_tasks, name, &Task::name);
  if (found != spec.own_tasks.end()) return *found;
  Task task;
  task.name = name;
  task.train_file.clear();
  task.dev_file.clear();
  task.test_file.clear();
  task.label_column = "label";
  task.is_own = true;
  return spec.own_tasks.emplace_back(std::move(task));
}

const std::string& column_of(const Value& value) {
  if (value.text.empty()) refuse(value, "the name of a column or field");
  return value.text;
}

void assign_sentence(SweepSpec& spec, const Value& value, std::size_t number) {
  std::vector<std::string>& columns = own_task(spec, value).text_columns;
  columns.resize(std::max(columns.size(), number));
  columns[number - 1] = column_of(value);
}

void assign_labels(SweepSpec& spec, const Value& value) {
  Task& task = own_task(spec, value);
  if (value.text == kRegression) {
    task.max_label = std::numeric_limits<float>::max();
    task.min_label = -task.max_label;
    return;
  }
  task.labels = parse_words(value);
  if (task.labels.size() < 2) refuse(value, "two labels or more, or regression");
}

// Those that need no second development set.
std::span<const Metric> metrics_of_one_set() { return all_metrics().first(all_metrics().size() - 1); }

void assign_metrics(SweepSpec& spec, const Value& value) {
  Task& task = own_task(spec, value);
  for (const std::string& word : parse_words(value)) {
    const auto found = std::ranges::find(metrics_of_one_set(), word, metric_name);
    if (found == metrics_of_one_set().end()) refuse(value, "accuracy, f1, matthews, pearson or spearman");
    task.metrics.push_back(*found);
  }
}

bool fits(Metric metric, const Task& task) {
  const bool is_correlation = metric == Metric::kPearson || metric == Metric::kSpearman;
  const bool is_of_two_classes = metric == Metric::kF1 || metric == Metric::kMatthews;
  return is_correlation == task.is_regression() && (!is_of_two_classes || task.labels.size() == 2);
}

void settle(Task& task, const std::string& origin) {
  const auto expect = [&](bool holds, std::string_view problem) {
    if (!holds) throw ConfigError(fmt::format("{}: [task {}]: {}", origin, task.name, problem));
  };
  expect(!task.train_file.empty(), "key 'train' is missing: the file to train on");
  expect(!task.dev_file.empty(), "key 'dev' is missing: the file to evaluate on");
  expect(!task.text_columns.empty() && !task.text_columns.front().empty(),
         "key 'sentence1' is missing: the column of the text");
  expect(task.text_columns.size() < 2 || task.text_columns[0] != task.text_columns[1],
         "'sentence1' and 'sentence2' name the same column");
  expect(!task.labels.empty() || task.max_label > 0.0, "key 'labels' is missing: the labels, or regression");
  if (task.metrics.empty()) {
    task.metrics =
        task.is_regression() ? std::vector{Metric::kPearson, Metric::kSpearman} : std::vector{Metric::kAccuracy};
  }
  for (const Metric metric : task.metrics) {
    expect(fits(metric, task),
           fmt::format("metric {} does not go with its labels: pearson and spearman are for regression, f1 and "
                       "matthews for two labels, accuracy for any number of them",
                       metric_name(metric)));
  }
  task.primary_metric = task.metrics.front();
}

}  // namespace

std::vector<JobKey> own_task_keys() {
  return {
      {"task.NAME.train", "",
       "file to train on, of an own task that a section [task NAME] defines: JSON lines (.jsonl), or "
       "tab-separated values with a header",
       [](SweepSpec& spec, const Value& value) { own_task(spec, value).train_file = parse_path(value).string(); },
       "NAME"},
      {"task.NAME.dev", "", "its development set, in either format",
       [](SweepSpec& spec, const Value& value) { own_task(spec, value).dev_file = parse_path(value).string(); },
       "NAME"},
      {"task.NAME.test", "", "the file that tunescope predict predicts, which needs no labels; may be left out",
       [](SweepSpec& spec, const Value& value) { own_task(spec, value).test_file = parse_path(value).string(); },
       "NAME"},
      {"task.NAME.sentence1", "", "column or field of its text",
       [](SweepSpec& spec, const Value& value) { assign_sentence(spec, value, 1); }, "NAME"},
      {"task.NAME.sentence2", "", "of its second text, if its examples are pairs",
       [](SweepSpec& spec, const Value& value) { assign_sentence(spec, value, 2); }, "NAME"},
      {"task.NAME.label", "", "of its label; label if it is not given",
       [](SweepSpec& spec, const Value& value) { own_task(spec, value).label_column = column_of(value); }, "NAME"},
      {"task.NAME.labels", "",
       "its labels as the files spell them, without blanks and commas, in the order of the model's outputs; or "
       "regression",
       assign_labels, "NAME"},
      {"task.NAME.metrics", "",
       "its metrics, the one that counts first: accuracy (the default), f1 and matthews of the second of two labels; "
       "of a regression pearson and spearman (the default: both)",
       assign_metrics, "NAME"},
  };
}

void settle_own_tasks(SweepSpec& spec, const std::vector<Value>& values) {
  for (Task& task : spec.own_tasks) {
    const std::string keys = std::string(kOwnTask) + task.name + ".";
    const auto first = std::ranges::find_if(values, [&](const Value& value) { return value.key.starts_with(keys); });
    settle(task, first->origin);
  }
}

}  // namespace tunescope::cli
