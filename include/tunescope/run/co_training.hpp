#pragma once

#include <functional>
#include <vector>

#include "tunescope/run/rank_context.hpp"
#include "tunescope/schedule/failure_watch.hpp"
#include "tunescope/schedule/trial_queue.hpp"

namespace tunescope {

/// The trials of a stage.
struct TrialStage {
  const std::vector<PlannedTrial>& trials;
  const TrialIndices& order;  ///< those to train, in the order of the queue
  /// Whether a trial need not be trained any more, because another sweep has; asked once this rank has claimed it.
  std::function<bool(const PlannedTrial& planned)> is_done;
  FailureWatch& failures;  ///< of the sweep; rank 0's follows all ranks
};

/// Takes trials from the queue until it gives no more and trains them: those of one
/// group together, as many as pay, each step of all in one pass; others alone. A trial that ends leaves its place to
/// the next one of its group. Throws `DeviceError` if this rank's device is broken: its trials are then unfinished, and
/// nobody holds them.
void train_from_queue(TrialQueue& queue, const TrialStage& stage, const RankContext& rank);

}  // namespace tunescope
