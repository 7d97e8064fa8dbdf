#pragma once

#include <functional>
#include <vector>

#include "tunescope/run/rank_context.hpp"
#include "tunescope/schedule/trial_queue.hpp"

namespace tunescope {

/// The trials of a stage.
struct TrialStage {
  const std::vector<PlannedTrial>& trials;
  const TrialIndices& order;  ///< those to train, in the order of the queue
  /// Whether another sweep has done a trial since the list was made; asked once this rank has claimed the trial.
  std::function<bool(const PlannedTrial& planned)> is_done;
};

/// The life of a trial on its rank. Takes trials from the queue until it gives no more and trains them: those of one
/// group together, as many as pay, each step of all in one pass; others alone. A trial that ends leaves its place to
/// the next one of its group.
void train_from_queue(TrialQueue& queue, const TrialStage& stage, const RankContext& rank);

}  // namespace tunescope
