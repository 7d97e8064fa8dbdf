#pragma once

#include <string>
#include <vector>

#include "tunescope/plan/planned_fisher.hpp"
#include "tunescope/plan/planned_trial.hpp"

namespace tunescope::cli {

/// To the standard error output.
void print_warning(const std::string& message);

/// The warnings of trials or Fisher runs whose files do not count.
void print_warnings(const std::vector<PlannedTrial>& trials);
void print_warnings(const std::vector<PlannedFisher>& runs);

}  // namespace tunescope::cli
