#pragma once

#include "tunescope/cli/job_file.hpp"

namespace tunescope::cli {

/// The job of a command that takes exactly one job file. Throws `ConfigError` if there is none or more than one.
SweepSpec parse_single_job(const CommandLine& line);

}  // namespace tunescope::cli
