#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tunescope/cli/job_file.hpp"
#include "tunescope/data/dataset.hpp"
#include "tunescope/plan/inputs.hpp"
#include "tunescope/plan/planned_trial.hpp"
#include "tunescope/storage/kept_weights.hpp"

namespace tunescope::cli {

/// A job with the trials whose weights a command reads.
struct KeptTrials {
  std::unique_ptr<const SweepSpec> spec;
  std::unique_ptr<SweepInputs> inputs;  ///< which refer to `spec`
  std::vector<PlannedTrial> trials;     ///< done, with weights that were kept; at least one

  /// The weights of a trial. Throws as `load_kept_weights`.
  KeptWeights load(const Trial& trial) const;
};

/// The one trial whose id begins with `text`. Throws `ConfigError` if there is none or several, if it is not done or if
/// its weights were not kept; `ModelError` if the model is gone, or is not the one that was trained.
KeptTrials find_kept_trial(const CommandLine& line, const std::string& text);

/// The trials that `--where` chooses among those whose weights were kept: all if it was not given. Warns of others that
/// it would have chosen. Throws `ConfigError` if none is left; `ModelError` as `find_kept_trial`.
KeptTrials choose_kept_trials(const CommandLine& line, const DataWarning& warn);

}  // namespace tunescope::cli
