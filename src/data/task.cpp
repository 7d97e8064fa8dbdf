#include "tunescope/data/task.hpp"

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
  };
  return tasks;
}

struct Unsupported {
  std::string_view name;
  std::string_view reason;
};
constexpr std::array kUnsupported = {
    Unsupported{"WNLI",
                "its development set repeats sentences of the training set with the opposite label, so that models do "
                "worse than a guess; the papers that this program follows leave it out"},
    Unsupported{"AX", "it is a diagnostic test set, without a training set and without labels"}};

}  // namespace

std::span<const Metric> all_metrics() { return kMetrics; }

std::string_view metric_name(Metric metric) { return kMetricNames[static_cast<std::size_t>(metric)]; }

std::span<const Task> glue_tasks() { return task_table(); }

const Task& find_task(std::string_view name) {
  std::vector<std::string> names;
  const std::string plain = plain_name(name);
  for (const Task& task : task_table()) {
    if (plain_name(task.name) == plain) return task;
    names.emplace_back(task.name);
  }
  for (const auto& [unsupported, reason] : kUnsupported) {
    if (plain_name(unsupported) == plain) {
      throw ConfigError(std::string(unsupported) + " is not supported: " + std::string(reason));
    }
  }
  throw ConfigError("unknown task '" + std::string(name) + "'" + suggest(name, names));
}

}  // namespace tunescope
