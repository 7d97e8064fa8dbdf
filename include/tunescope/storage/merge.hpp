#pragma once

#include <string>
#include <vector>

#include "tunescope/plan/planned_trial.hpp"

namespace tunescope {

/// Writes the merged file from all that is stored of these trials and Fisher runs (by identifier). Returns a line for
/// each damaged Fisher file, and for each mask that could not be taken from one: they are left out. Without `inputs`,
/// throws `ModelError` where a mask is to be written, which only the model's tensors tell.
std::vector<std::string> merge_results(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                                       const std::vector<std::string>& fisher_ids, SweepInputs* inputs,
                                       const InputHashes& hashes, bool is_complete);

/// Trials and Fisher runs, by identifier, that the merged file has and one made now would lack: their files are gone or
/// do not count, or the job has changed. Reads the merged file in a child process: not where MPI has been started.
/// Throws `Error` where it cannot be read.
std::vector<std::string> lost_by_merging(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                                         const std::vector<std::string>& fisher_ids);

/// Seals the files of these trials and Fisher runs again that have lost their checksum, or that it does not fit, where
/// all of such a file can be read; in child processes, as above. Returns a line for each, of which others tell why not.
std::vector<std::string> reseal_files(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                                      const std::vector<std::string>& fisher_ids);

}  // namespace tunescope
