#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/cli/value.hpp"
#include "tunescope/plan/sweep_spec.hpp"

namespace tunescope::cli {

/// One key of a job file.
struct JobKey {
  std::string name;           ///< "section.key" or "name"
  std::string default_value;  ///< empty: must be given, unless the name stands for several keys
  std::string help;           ///< meaning and unit
  void (*assign)(SweepSpec&, const Value&);
  std::string_view placeholder = {};  ///< the part of the name that stands for any method or own task, if it has one

  /// Whether it stands for a key of each method or own task.
  bool is_pattern() const { return !placeholder.empty(); }
  /// Whether a value was given for it.
  bool takes(const Value& value) const;
  /// Its name for Boost.Program_options.
  std::string option_name() const { return is_pattern() ? std::string(before()) + "*" : name; }
  /// Its name, with the own task of another key if both are of one.
  std::string name_beside(const std::string& other) const;

 private:
  // What stands before and behind the placeholder.
  std::string_view before() const;
  std::string_view after() const;
};

/// The name of every option, each once.
std::set<std::string> option_names();

/// Throws `ConfigError` naming the nearest known keys if no key takes the value.
void refuse_unknown_key(const Value& value);

/// Every key, in the order in which `--help` shows them, and their values are assigned.
const std::vector<JobKey>& job_keys();

/// The beginning of the keys of each method.
inline constexpr std::string_view kLearningRatesOf = "sweep.learning_rates.";

/// A key as it was given, or, if it is one of each method, with the method in its canonical spelling: keys are the same
/// if this is. Throws `ConfigError` naming the origin if there is no such method.
std::string canonical_key(const std::string& key, const std::string& origin);

}  // namespace tunescope::cli
