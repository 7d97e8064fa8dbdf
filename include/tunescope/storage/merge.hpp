#pragma once

#include <string>
#include <vector>

#include "tunescope/plan/planned_trial.hpp"

namespace tunescope {

/// Writes the merged file from all that is stored of these trials and Fisher runs (by identifier). Returns a warning
/// for each damaged Fisher file, and for each mask that cannot be known: they are left out. `inputs` is null if the
/// model cannot be read; then throws `ModelError` if a trial's file, of an earlier build, does not have its mask, which
/// has to be chosen again.
std::vector<std::string> merge_results(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                                       const std::vector<std::string>& fisher_ids, SweepInputs* inputs,
                                       const InputHashes& hashes, bool is_complete);

/// Trials and Fisher runs, by identifier, that the merged file has and one made now would lack: their files are gone or
/// do not count, or the job has changed. Reads the merged file in a child process, so MPI must not have been started.
/// Throws `Error` if it cannot be read.
std::vector<std::string> lost_by_merging(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                                         const std::vector<std::string>& fisher_ids);

/// Seals those files of these trials and Fisher runs again whose checksum is lost or does not match, if all of the file
/// can be read; in child processes, as above. Returns a line for each such file: it is sealed, or why not.
std::vector<std::string> reseal_files(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                                      const std::vector<std::string>& fisher_ids);

}  // namespace tunescope
