#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tunescope/data/task.hpp"
#include "tunescope/plan/planned_trial.hpp"

namespace tunescope::cli {

/// A column of /trials by which `--where` chooses.
struct WhereColumn {
  std::string_view name;
  /// Whether a trial has this value. Throws `ConfigError` if no trial can have it.
  bool (*matches)(const PlannedTrial&, const std::string& value, const std::vector<Task>& own_tasks);
  std::string (*of)(const PlannedTrial&);
};

/// Which trials `--where` chooses: those that have, in each column that is named, one of the values that are given for
/// it; and of these, if `best` names columns, the one with the highest score among those that are equal in all of them.
struct TrialFilter {
  struct Condition {
    const WhereColumn* column;
    std::vector<std::string> values;
  };
  std::vector<Condition> conditions;
  std::vector<const WhereColumn*> best_of;

  /// Those that meet the conditions, in their order. The job that they are of defines `own_tasks`.
  std::vector<PlannedTrial> matching(const std::vector<PlannedTrial>& trials, const std::vector<Task>& own_tasks) const;
  /// The best of each group, the first of equals, in their order; all if `best` names no columns.
  std::vector<PlannedTrial> best(const std::vector<PlannedTrial>& trials) const;
};

/// Parses "task=CoLA,method=layernorm,best=task": conditions, separated by commas. A value goes on to the next comma
/// that begins another condition, since the options of methods have commas. A column may be given more than once.
/// Columns of `best` are separated by plus signs. Throws `ConfigError` naming the nearest column.
TrialFilter parse_where(std::string_view text);

}  // namespace tunescope::cli
