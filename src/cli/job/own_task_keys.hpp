#pragma once

#include <string_view>
#include <vector>

#include "tunescope/cli/job_keys.hpp"

namespace tunescope::cli {

/// The beginning of the keys of own tasks.
inline constexpr std::string_view kOwnTask = "task.";

/// The keys of a section [task NAME], which defines a task of the job's own.
std::vector<JobKey> own_task_keys();

/// Fills in what the job leaves open of its own tasks. Throws `ConfigError` if a key is missing, or a metric does not
/// fit the labels. `values` say where a task is defined.
void settle_own_tasks(SweepSpec& spec, const std::vector<Value>& values);

}  // namespace tunescope::cli
