#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// A measure of agreement between predictions and labels.
enum class Metric { kAccuracy, kF1, kMatthews, kPearson, kSpearman, kAccuracyMismatched };

/// Every metric, in the order of the result file's columns.
std::span<const Metric> all_metrics();

/// Name in the result file: "accuracy", "f1", "matthews", "pearson", "spearman", "accuracy_mismatched".
std::string_view metric_name(Metric metric);

/// What one GLUE task consists of. Source: Wang et al., "GLUE", ICLR 2019, and the official data files.
struct Task {
  std::string_view name;                       ///< also the folder: "CoLA"
  std::vector<std::string_view> text_columns;  ///< one sentence, or a pair
  std::string_view label_column;
  std::vector<std::string_view> labels;  ///< the classes in GLUE's order; empty for a regression task
  std::vector<Metric> metrics;
  Metric primary_metric;  ///< the metric that `score` reports
  std::string_view dev_file = "dev.tsv";
  std::string_view mismatched_dev_file = {};              ///< MNLI's second development set
  std::vector<std::string_view> headerless_columns = {};  ///< columns of train and dev files that have no header
  bool is_officially_csv_quoted = false;  ///< the official files have texts in the quotes of CSV; they count as text
  double min_label = 0.0;                 ///< range of a regression task's labels
  double max_label = 0.0;

  bool is_regression() const { return labels.empty(); }
  /// Width of the classification head.
  std::int64_t output_size() const { return is_regression() ? 1 : static_cast<std::int64_t>(labels.size()); }
};

/// The eight GLUE tasks of the study: GLUE less WNLI.
std::span<const Task> glue_tasks();

/// The task of that name, in which letters and digits alone count, in either case. Throws `ConfigError` naming near
/// tasks, or all; and why for the tasks of GLUE that are not supported.
const Task& find_task(std::string_view name);

}  // namespace tunescope
