#pragma once

#include <vector>

#include "tunescope/cli/job_keys.hpp"

namespace tunescope::cli {

/// All keys but those of own tasks. A new option is a line here.
std::vector<JobKey> keys_of_every_job();

}  // namespace tunescope::cli
