#pragma once

#include <optional>
#include <vector>

#include "tunescope/hdf5/appender.hpp"
#include "tunescope/results/trial_record.hpp"

namespace tunescope {

/// The lengths of the tables that grow with every trial.
struct TableLengths {
  std::size_t trials = 0;
  std::size_t evaluations = 0;  ///< of all trials together
  std::size_t history = 0;      ///< of all trials together
};

/// The names of all metrics, in the order of the columns.
std::vector<std::string> metric_labels();

/// Fills `/scores`, `/change`, `/evaluations` and `/history` one trial at a time, so that memory use does not grow with
/// the number of trials. All trials must have the same model.
class TrialTables {
 public:
  TrialTables(const hdf5::Group& file, const MapAxes& axes, const TableLengths& lengths);

  /// Appends the next trial. Throws `Hdf5Error` if its model does not fit `axes`.
  void append(const TrialRecord& record);

  /// Throws `Hdf5Error` if there were fewer trials, evaluations or steps than announced.
  void finish();

 private:
  using Column = hdf5::Appender<double>;

  // A table with one row for each entry of each trial.
  struct LongTable {
    LongTable(const hdf5::Group& file, const std::string& name, const std::vector<std::string>& real_columns,
              std::size_t rows);
    void append(std::size_t trial, std::int64_t step, const std::vector<double>& values);
    void finish();

    hdf5::Group group;
    hdf5::Appender<std::int64_t> trials, steps;
    std::vector<Column> columns;
  };

  void create_scores(const hdf5::Group& file);
  void create_change(const hdf5::Group& file);

  MapAxes axes_;
  TableLengths lengths_;
  std::size_t trial_ = 0;
  std::vector<Column> scores_;  // best, final
  std::vector<Column> change_;  // in the order of `for_each_measure`; empty if there are no trials
  LongTable evaluations_;
  LongTable history_;
};

}  // namespace tunescope
