#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// A measure of agreement between predictions and labels.
enum class Metric { kAccuracy, kF1, kMatthews, kPearson, kSpearman, kAccuracyMismatched };

/// Every metric, in the order of the columns of the result file.
std::span<const Metric> all_metrics();

/// The name in the result file: "accuracy", "f1", "matthews", "pearson", "spearman", "accuracy_mismatched".
std::string_view metric_name(Metric metric);

/// The description of one GLUE task. Source: Wang et al., "GLUE", ICLR 2019, and the official data files.
struct Task {
  std::string_view name;                       ///< also the name of its folder: "CoLA"
  std::vector<std::string_view> text_columns;  ///< one column, or two for a pair of sentences
  std::string_view label_column;
  std::vector<std::string_view> labels;  ///< the classes in GLUE's order; empty for a regression task
  std::vector<Metric> metrics;
  Metric primary_metric;  ///< the metric that the column `score` reports and that evaluations are compared by
  std::string_view dev_file = "dev.tsv";
  std::string_view mismatched_dev_file = {};              ///< MNLI's second development set
  std::vector<std::string_view> headerless_columns = {};  ///< columns of train and dev files that have no header
  bool is_officially_csv_quoted = false;  ///< some texts in the official files have CSV quotes, which count as text
  double min_label = 0.0;                 ///< range of labels of a regression task
  double max_label = 0.0;

  bool is_regression() const { return labels.empty(); }
  /// Width of the classification head.
  std::int64_t output_size() const { return is_regression() ? 1 : static_cast<std::int64_t>(labels.size()); }
};

/// The eight GLUE tasks of the study: all but WNLI.
std::span<const Task> glue_tasks();

/// The task of that name. Only letters and digits are compared, ignoring case. Throws `ConfigError` naming similar
/// tasks, or all tasks, or why a task of GLUE is not supported.
const Task& find_task(std::string_view name);

}  // namespace tunescope
