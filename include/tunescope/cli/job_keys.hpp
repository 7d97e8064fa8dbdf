#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tunescope/cli/value.hpp"
#include "tunescope/plan/sweep_spec.hpp"

namespace tunescope::cli {

/// One key of a job file.
struct JobKey {
  std::string name;           ///< "section.key", "name", or "section.key.METHOD", where METHOD stands for any method
  std::string default_value;  ///< empty: must be given, unless it is a key of each method
  std::string help;           ///< meaning and unit
  void (*assign)(SweepSpec&, const Value&);

  /// Whether it stands for a key of each method.
  bool is_of_each_method() const { return name.ends_with("METHOD"); }
  /// Whether a value was given for it.
  bool takes(const Value& value) const {
    return is_of_each_method() ? value.key.starts_with(stem()) : value.key == name;
  }
  /// Its name for Boost.Program_options.
  std::string option_name() const { return is_of_each_method() ? stem() + "*" : name; }

 private:
  std::string stem() const { return name.substr(0, name.rfind('.') + 1); }
};

/// Every key, in the order in which `--help` shows them. A new option is a line here.
const std::vector<JobKey>& job_keys();

/// The beginning of the keys of each method.
inline constexpr std::string_view kLearningRatesOf = "sweep.learning_rates.";

/// A key as it was given, or, if it is one of each method, with the method in its canonical spelling: keys are the same
/// if this is. Throws `ConfigError` naming the origin if there is no such method.
std::string canonical_key(const std::string& key, const std::string& origin);

}  // namespace tunescope::cli
