#pragma once

#include <vector>

#include "tunescope/parallel/rank_team.hpp"
#include "tunescope/run/job.hpp"
#include "tunescope/run/listener.hpp"
#include "tunescope/storage/screening.hpp"

namespace tunescope {

/// Chooses the learning rates that can be chosen (see `choose_learning_rates`) and tells the listener. Returns the
/// job's trials with what is expected of them and what rank 0 finds stored: the other ranks know of a trial only
/// whether it is finished.
std::vector<PlannedTrial> open_trials(RankTeam& team, Job& job, FailedTrials failed, RunListener& listener);

}  // namespace tunescope
