#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tunescope/plan/planned_fisher.hpp"
#include "tunescope/plan/planned_trial.hpp"
#include "tunescope/storage/job_folder.hpp"

namespace tunescope {

/// Looks up what is stored of a trial.
StoredTrial load_status(const JobFolder& folder, const std::string& trial);

/// Looks up what is stored of these trials.
void load_status(const SweepSpec& spec, std::vector<PlannedTrial>& trials);

/// Every trial of the job, without costs, with what is stored of it.
std::vector<PlannedTrial> stored_trials(const SweepSpec& spec, const InputHashes& hashes);

/// As `load_status`; a finished trial of another job in the same results folder counts, and is linked into this job's,
/// with its weights; unless `run.keep` asks for weights that it lacks.
void load_status_and_link(const SweepSpec& spec, std::vector<PlannedTrial>& trials);

/// What is stored of a Fisher run.
struct StoredFisher {
  bool is_done = false;
  std::string damage = {};  ///< why a file that exists does not count, with its path
};
StoredFisher load_fisher_status(const JobFolder& folder, const std::string& run);

/// Looks up these Fisher runs. Those of other jobs in the same results folder count, and are linked into this job's.
void load_status_and_link(const SweepSpec& spec, std::vector<PlannedFisher>& runs);

/// The step at which a stored training diverged: it has no weights from there on.
std::optional<std::int64_t> step_of_divergence(const JobFolder& folder, const std::string& trial);

/// The results by which a trial's method chooses its scalars: of each Fisher run the diagonal over the method's pool.
/// Empty for methods that choose by none. Throws `Error` if a run is missing.
std::vector<ParameterImportance> load_importance(const Trial& trial, const ParameterCatalogue& catalogue,
                                                 const JobFolder& folder);

}  // namespace tunescope
