#pragma once

#include <cstdint>
#include <filesystem>
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

/// The description of a task: one of GLUE's, or one that a job file defines. Source of GLUE's: Wang et al., "GLUE",
/// ICLR 2019, and the official data files.
struct Task {
  std::string name;                       ///< of GLUE also the name of its folder: "CoLA"
  std::vector<std::string> text_columns;  ///< one column, or two for a pair of sentences
  std::string label_column;
  std::vector<std::string> labels;  ///< the classes, of GLUE in its order; empty for a regression task
  std::vector<Metric> metrics;
  /// The metric that the column `score` reports and that evaluations are compared by.
  Metric primary_metric = Metric::kAccuracy;
  std::string train_file = "train.tsv";              ///< in the task's folder; of an own task a path
  std::string dev_file = "dev.tsv";                  ///< likewise
  std::string test_file = "test.tsv";                ///< likewise, without labels; empty if an own task has none
  std::string mismatched_dev_file = {};              ///< MNLI's second development set
  std::vector<std::string> headerless_columns = {};  ///< columns of train and dev files that have no header
  bool is_officially_csv_quoted = false;  ///< some texts in the official files have CSV quotes, which count as text
  double min_label = 0.0;                 ///< range of labels of a regression task
  double max_label = 0.0;
  std::string caution = {};  ///< why a task of GLUE is in no study unless a job names it
  bool is_own = false;       ///< a job file defines it

  bool is_regression() const { return labels.empty(); }
  /// The folder that the names of its files start at: empty for an own task.
  std::filesystem::path folder(const std::filesystem::path& glue_folder) const {
    return is_own ? "" : glue_folder / name;
  }
  /// Width of the classification head.
  std::int64_t output_size() const { return is_regression() ? 1 : static_cast<std::int64_t>(labels.size()); }
  /// Of an own task, what decides how its files are read and scored, a line each, for the description of trials. Empty
  /// for a task of GLUE, whose name says it.
  std::string definition() const;
};

/// The eight GLUE tasks of the study: all but WNLI.
std::span<const Task> glue_tasks();

/// The task of GLUE of that name, or null. Only letters and digits are compared, ignoring case.
const Task* find_glue_task(std::string_view name);

/// The task of that name: one of `own`, to the letter, or one of GLUE. Throws `ConfigError` naming similar tasks, or
/// all tasks, or why a task of GLUE is not supported.
const Task& find_task(std::string_view name, const std::vector<Task>& own);

/// As `find_task`, where no job defines tasks.
const Task& glue_task(std::string_view name);

}  // namespace tunescope
