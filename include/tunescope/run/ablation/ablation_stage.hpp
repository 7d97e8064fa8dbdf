#pragma once

#include <vector>

#include "tunescope/plan/planned_trial.hpp"
#include "tunescope/run/rank_context.hpp"

namespace tunescope {

/// Scores each kept model of the methods of `[ablation]` with one group of its scalars after another put back to their
/// initial values, or alone left trained (see `AblationKind`), with all ranks together, and writes a file for each
/// trial. What a file has already is not computed again. Returns false if it
/// was stopped. Trials whose weights were not kept are left out with a warning.
bool ablate_kept_models(RankTeam& team, const RankContext& rank, const std::vector<PlannedTrial>& trials,
                        RunListener& listener);

}  // namespace tunescope
