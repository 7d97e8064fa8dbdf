#pragma once

#include "tunescope/parallel/rank_team.hpp"
#include "tunescope/run/co_training.hpp"
#include "tunescope/run/listener.hpp"

namespace tunescope {

/// How a stage of trials ended, the same on every rank.
struct StageEnd {
  bool is_stopped = false;
  TrialIndices recorded;   ///< those whose files are there now, seen by every rank
  TrialIndices elsewhere;  ///< those that another sweep trains or has trained
};

/// Trains the trials of a stage over all ranks.
StageEnd train_trials(RankTeam& team, const RankContext& rank, RunListener& listener, const TrialStage& stage);

}  // namespace tunescope
