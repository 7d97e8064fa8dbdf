#include "cli/selection/where.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/base/number.hpp"
#include "tunescope/base/split.hpp"
#include "tunescope/data/task.hpp"

namespace tunescope::cli {
namespace {

constexpr std::string_view kBest = "best";

template <typename Number>
Number number_of(const std::string& value) {
  if (const std::optional<Number> number = to_number<Number>(value)) return *number;
  throw ConfigError(fmt::format("'{}' is no number", value));
}

bool matches_task(const PlannedTrial& planned, const std::string& value, const std::vector<Task>& own_tasks) {
  return planned.trial.task == find_task(value, own_tasks).name;
}

// A method without options stands for all that have its name.
bool matches_method(const PlannedTrial& planned, const std::string& value, const std::vector<Task>&) {
  const Method& method = planned.trial.method;
  if (value.find(':') == std::string::npos) return method.kind() == parse_kind(value);
  return method.text() == parse_method(value).text();
}

constexpr std::array kWhereColumns = {
    WhereColumn{"id",
                [](const PlannedTrial& planned, const std::string& value, const std::vector<Task>&) {
                  return planned.id.starts_with(value);
                },
                [](const PlannedTrial& planned) { return planned.id; }},
    WhereColumn{"task", matches_task, [](const PlannedTrial& planned) { return planned.trial.task; }},
    WhereColumn{"method", matches_method, [](const PlannedTrial& planned) { return planned.trial.method.text(); }},
    WhereColumn{"learning_rate",
                [](const PlannedTrial& planned, const std::string& value, const std::vector<Task>&) {
                  return planned.trial.learning_rate == number_of<double>(value);
                },
                [](const PlannedTrial& planned) { return fmt::format("{}", planned.trial.learning_rate); }},
    WhereColumn{"seed",
                [](const PlannedTrial& planned, const std::string& value, const std::vector<Task>&) {
                  return planned.trial.seed == number_of<std::uint64_t>(value);
                },
                [](const PlannedTrial& planned) { return fmt::format("{}", planned.trial.seed); }},
};

std::vector<std::string> where_column_names() {
  std::vector<std::string> names;
  for (const WhereColumn& column : kWhereColumns) names.emplace_back(column.name);
  return names;
}

const WhereColumn* find_where_column(std::string_view name) {
  const auto* const found = std::ranges::find(kWhereColumns, name, &WhereColumn::name);
  return found == kWhereColumns.end() ? nullptr : found;
}

[[noreturn]] void refuse_column(std::string_view name, std::vector<std::string> known) {
  throw ConfigError(fmt::format("--where: unknown column '{}'{}", name, suggest(std::string(name), known)));
}

bool begins_condition(const std::string& piece) {
  const std::string name = piece.substr(0, piece.find('='));
  return name.size() < piece.size() && (name == kBest || find_where_column(name) != nullptr);
}

// "task=CoLA", "method=lora:alpha=8,rank=4", "best=task"
std::vector<std::string> split_conditions(std::string_view text) {
  std::vector<std::string> conditions;
  for (const std::string& piece : split(text, ',')) {
    const bool is_option = !conditions.empty() && conditions.back().find(':') != std::string::npos;
    if (is_option && !begins_condition(piece)) {
      conditions.back() += "," + piece;
    } else {
      conditions.push_back(piece);
    }
  }
  return conditions;
}

void add_condition(TrialFilter& filter, const WhereColumn* column, const std::string& value) {
  const auto known = std::ranges::find(filter.conditions, column, &TrialFilter::Condition::column);
  if (known != filter.conditions.end()) {
    known->values.push_back(value);
  } else {
    filter.conditions.push_back({.column = column, .values = {value}});
  }
}

void add_best(TrialFilter& filter, const std::string& columns) {
  for (const std::string& name : split(columns, '+')) {
    const WhereColumn* const column = find_where_column(name);
    if (column == nullptr) refuse_column(name, where_column_names());
    filter.best_of.push_back(column);
  }
}

// Whether the first is better. A trial that has no score is worse than all that have one.
bool is_better(const PlannedTrial& one, const PlannedTrial& other) {
  const double score = one.stored.selection_score;
  const double other_score = other.stored.selection_score;
  return score > other_score || (std::isnan(other_score) && !std::isnan(score));
}

bool matches(const PlannedTrial& planned, const TrialFilter::Condition& condition, const std::vector<Task>& own_tasks) {
  return std::ranges::any_of(condition.values, [&](const std::string& value) {
    try {
      return condition.column->matches(planned, value, own_tasks);
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("--where: {}={}: {}", condition.column->name, value, error.what()));
    }
  });
}

}  // namespace

TrialFilter parse_where(std::string_view text) {
  TrialFilter filter;
  for (const std::string& condition : split_conditions(text)) {
    const std::size_t equals = condition.find('=');
    if (equals == std::string::npos || equals + 1 == condition.size()) {
      throw ConfigError(
          fmt::format("--where: '{}' is no condition; write column=value, as in task=CoLA,best=method", condition));
    }
    const std::string name = condition.substr(0, equals);
    const std::string value = condition.substr(equals + 1);
    if (name == kBest) {
      add_best(filter, value);
    } else if (const WhereColumn* const column = find_where_column(name)) {
      add_condition(filter, column, value);
    } else {
      std::vector<std::string> known = where_column_names();
      known.emplace_back(kBest);
      refuse_column(name, known);
    }
  }
  return filter;
}

std::vector<PlannedTrial> TrialFilter::matching(const std::vector<PlannedTrial>& trials,
                                                const std::vector<Task>& own_tasks) const {
  std::vector<PlannedTrial> chosen;
  for (const PlannedTrial& planned : trials) {
    const bool is_chosen = std::ranges::all_of(
        conditions, [&](const Condition& condition) { return matches(planned, condition, own_tasks); });
    if (is_chosen) chosen.push_back(planned);
  }
  return chosen;
}

std::vector<PlannedTrial> TrialFilter::best(const std::vector<PlannedTrial>& trials) const {
  if (best_of.empty()) return trials;
  std::map<std::vector<std::string>, std::size_t> best_of_group;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    std::vector<std::string> group;
    for (const WhereColumn* column : best_of) group.push_back(column->of(trials[i]));
    const auto [place, is_first] = best_of_group.emplace(std::move(group), i);
    if (!is_first && is_better(trials[i], trials[place->second])) place->second = i;
  }
  std::set<std::size_t> places;  // so that the trials keep their order
  for (const auto& [group, place] : best_of_group) places.insert(place);
  std::vector<PlannedTrial> chosen;
  for (const std::size_t place : places) chosen.push_back(trials[place]);
  return chosen;
}

}  // namespace tunescope::cli
