#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/results/trial_record.hpp"

namespace tunescope {

/// What the merged file says of its job.
struct JobAttributes {
  std::string job_text;
  bool is_complete = false;  ///< every trial of the job is in the file, none failed
};

/// Writes the merged file, atomically, from trial files in the given order. Throws `Hdf5Error` where one is damaged,
/// `EnvironmentError` where the result cannot be written.
void merge_trials(const std::filesystem::path& path, const std::vector<std::filesystem::path>& trial_files,
                  const JobAttributes& attributes);

}  // namespace tunescope
