#pragma once

#include <vector>

#include "tunescope/parallel/reducer.hpp"
#include "tunescope/run/listener.hpp"
#include "tunescope/run/rank_context.hpp"

namespace tunescope {

/// Loads on rank 0 what is stored of the job's Fisher runs; all ranks then take that for what is done, for another
/// rank's view of a shared folder may lag behind. Returns those that are not done.
std::vector<PlannedFisher> update_fisher_status(RankTeam& team, Job& job);

/// Computes these Fisher runs with all ranks, one after another, and writes their files. One whose training has left no
/// weights, or whose gradients are not finite, is reported and left out. After a stop of any rank each rank saves its
/// shard, and the stop of all is set.
void compute_fisher_runs(RankTeam& team, const RankContext& rank, RunListener& listener, Reducer& reducer,
                         const std::vector<PlannedFisher>& runs);

}  // namespace tunescope
