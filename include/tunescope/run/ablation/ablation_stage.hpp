#pragma once

#include <vector>

#include "tunescope/plan/planned_trial.hpp"
#include "tunescope/run/rank_context.hpp"

namespace tunescope {

/// Whether a done trial of the methods of `[ablation]` lacks the score of a group.
bool is_ablation_missing(const std::vector<PlannedTrial>& trials, const SweepSpec& spec);

/// Scores each kept model of the methods of `[ablation]` with one group of its scalars after another put back to their
/// initial values, or alone left trained (see `AblationKind`), with all ranks together, and writes a file for each
/// trial. What a file has already is not computed again. Sweeps that share the folder share the trials, and wait for
/// each other. Trials whose weights were not kept or cannot be read are left out with a warning. Returns false if it
/// was stopped. Collective.
bool ablate_kept_models(RankTeam& team, const RankContext& rank, const std::vector<PlannedTrial>& trials,
                        RunListener& listener);

}  // namespace tunescope
