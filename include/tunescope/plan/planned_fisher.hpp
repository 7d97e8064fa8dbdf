#pragma once

#include <string>
#include <vector>

#include "tunescope/plan/fisher_run.hpp"
#include "tunescope/plan/planned_trial.hpp"

namespace tunescope {

/// A Fisher run of a job and where it stands.
struct PlannedFisher {
  FisherRun run;
  std::string id;
  std::string training;       ///< the identifier of the measured training
  std::int64_t step = 0;      ///< of the measured training, at which its weights are measured
  std::int64_t examples = 0;  ///< that are measured
  bool is_done = false;
  std::string warning = {};  ///< why a file that exists does not count
};

/// Plans these runs. Throws `ConfigError` if a run asks for more examples than its task has, or a method of the job for
/// scalars whose Fisher information the job does not measure or keep.
std::vector<PlannedFisher> plan_fisher(const SweepSpec& spec, const std::vector<FisherRun>& runs, SweepInputs& inputs);

/// After how many steps of its training a run measures the weights.
std::int64_t measured_step(const FisherRun& run, SweepInputs& inputs);

/// The runs that are not done.
std::vector<PlannedFisher> pending_of(std::vector<PlannedFisher> runs);

/// The trainings whose weights the pending of these runs measure, each once, with their costs.
std::vector<PlannedTrial> measured_trainings(const std::vector<PlannedFisher>& runs, SweepInputs& inputs);

/// Whether a trial's method chooses by a run that is not done.
bool depends_on_pending_fisher(const Trial& trial, const std::vector<PlannedFisher>& runs);

}  // namespace tunescope
