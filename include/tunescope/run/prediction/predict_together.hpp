#pragma once

#include "tunescope/parallel/rank_team.hpp"
#include "tunescope/train/evaluate.hpp"

namespace tunescope {

/// The outputs of a model, which all ranks have, on every example. Each rank computes those of consecutive examples
/// with about as many tokens as the other ranks' have. The result is the same on every rank. Collective.
Predictions predict_together(RankTeam& team, const EvaluatedModel& model, const Dataset& dataset, const Task& task);

}  // namespace tunescope
