#pragma once

#include <string>
#include <vector>

#include "tunescope/cli/value.hpp"
#include "tunescope/plan/sweep_spec.hpp"

namespace tunescope::cli {

/// One key of a job file.
struct JobKey {
  std::string name;           ///< "section.key", or "name"
  std::string default_value;  ///< empty: must be given
  std::string help;           ///< meaning and unit
  void (*assign)(SweepSpec&, const Value&);
};

/// Every key, in the order in which `--help` shows them. A new option is a line here.
const std::vector<JobKey>& job_keys();

}  // namespace tunescope::cli
