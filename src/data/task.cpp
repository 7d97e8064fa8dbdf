#include "tunescope/data/task.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <array>

#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"

namespace tunescope {
namespace {

constexpr std::array kMetrics = {Metric::kAccuracy, Metric::kF1,       Metric::kMatthews,
                                 Metric::kPearson,  Metric::kSpearman, Metric::kAccuracyMismatched};
constexpr std::array<std::string_view, kMetrics.size()> kMetricNames = {"accuracy", "f1",       "matthews",
                                                                        "pearson",  "spearman", "accuracy_mismatched"};

constexpr std::size_t kTasksOfStudy = 8;  // they come first

// Primary metrics are those of the papers that this work follows (BitFit and arXiv 2403.20284): Matthews correlation
// for CoLA, F1 for MRPC and QQP, Spearman correlation for STS-B, and accuracy for all others.
const std::vector<Task>& task_table() {
  static const std::vector<Task> tasks = {
      {.name = "CoLA",
       .text_columns = {"sentence"},
       .label_column = "label",
       .labels = {"0", "1"},
       .metrics = {Metric::kMatthews, Metric::kAccuracy},
       .primary_metric = Metric::kMatthews,
       .headerless_columns = {"source", "label", "mark", "sentence"}},
      {.name = "SST-2",
       .text_columns = {"sentence"},
       .label_column = "label",
       .labels = {"0", "1"},
       .metrics = {Metric::kAccuracy},
       .primary_metric = Metric::kAccuracy},
      {.name = "MRPC",
       .text_columns = {"#1 String", "#2 String"},
       .label_column = "Quality",
       .labels = {"0", "1"},
       .metrics = {Metric::kAccuracy, Metric::kF1},
       .primary_metric = Metric::kF1},
      {.name = "STS-B",
       .text_columns = {"sentence1", "sentence2"},
       .label_column = "score",
       .labels = {},
       .metrics = {Metric::kPearson, Metric::kSpearman},
       .primary_metric = Metric::kSpearman,
       .min_label = 0.0,
       .max_label = 5.0},
      {.name = "QQP",
       .text_columns = {"question1", "question2"},
       .label_column = "is_duplicate",
       .labels = {"0", "1"},
       .metrics = {Metric::kAccuracy, Metric::kF1},
       .primary_metric = Metric::kF1,
       .is_officially_csv_quoted = true},
      {.name = "MNLI",
       .text_columns = {"sentence1", "sentence2"},
       .label_column = "gold_label",
       .labels = {"entailment", "neutral", "contradiction"},
       .metrics = {Metric::kAccuracy, Metric::kAccuracyMismatched},
       .primary_metric = Metric::kAccuracy,
       .dev_file = "dev_matched.tsv",
       .mismatched_dev_file = "dev_mismatched.tsv"},
      {.name = "QNLI",
       .text_columns = {"question", "sentence"},
       .label_column = "label",
       .labels = {"entailment", "not_entailment"},
       .metrics = {Metric::kAccuracy},
       .primary_metric = Metric::kAccuracy},
      {.name = "RTE",
       .text_columns = {"sentence1", "sentence2"},
       .label_column = "label",
       .labels = {"entailment", "not_entailment"},
       .metrics = {Metric::kAccuracy},
       .primary_metric = Metric::kAccuracy},
      {.name = "WNLI",
       .text_columns = {"sentence1", "sentence2"},
       .label_column = "label",
       .labels = {"0", "1"},
       .metrics = {Metric::kAccuracy},
       .primary_metric = Metric::kAccuracy,
       .caution =
           "its development set repeats sentences of the training set with the opposite label, so that models do "
           "worse than a guess; the papers that this program follows leave it out"},
  };
  return tasks;
}

}  // namespace

std::span<const Metric> all_metrics() { return kMetrics; }

std::string_view metric_name(Metric metric) { return kMetricNames[static_cast<std::size_t>(metric)]; }

std::string Task::definition() const {
  if (!is_own) return "";
  std::string text;
  const auto add = [&](std::string_view key, const auto& value) { text += fmt::format("task.{} = {}\n", key, value); };
  for (std::size_t i = 0; i < text_columns.size(); ++i) add(fmt::format("sentence{}", i + 1), text_columns[i]);
  add("label", label_column);
  add("labels", is_regression() ? "regression" : fmt::format("{}", fmt::join(labels, " ")));
  std::vector<std::string_view> names;
  for (const Metric metric : metrics) names.push_back(metric_name(metric));
  add("metrics", fmt::format("{}", fmt::join(names, " ")));
  return text;
}

std::span<const Task> glue_tasks() { return std::span(task_table()).first(kTasksOfStudy); }

const Task* find_glue_task(std::string_view name) {
  const auto plain = [](const Task& task) { return plain_name(task.name); };
  const auto found = std::ranges::find(task_table(), plain_name(name), plain);
  return found == task_table().end() ? nullptr : &*found;
}

const Task& glue_task(std::string_view name) { return find_task(name, {}); }

const Task& find_task(std::string_view name, const std::vector<Task>& own) {
  const auto found = std::ranges::find(own, name, &Task::name);
  if (found != own.end()) return *found;
  if (const Task* const glue = find_glue_task(name)) return *glue;
  if (plain_name(name) == "ax") {
    throw ConfigError("AX is not supported: it is a diagnostic test set, without a training set and without labels");
  }
  std::vector<std::string> names;
  for (const Task& task : own) names.push_back(task.name);
  for (const Task& task : task_table()) names.push_back(task.name);
  throw ConfigError("unknown task '" + std::string(name) + "'" + suggest(name, names));
}

}  // namespace tunescope
