#pragma once

#include <functional>
#include <vector>

#include "tunescope/parallel/rank_team.hpp"
#include "tunescope/schedule/assignment_policy.hpp"
#include "tunescope/schedule/stop_channel.hpp"
#include "tunescope/schedule/trial_queue.hpp"

namespace tunescope {

/// Follows the coordinator. Called in its thread on rank 0, one call at a time.
class QueueListener {
 public:
  virtual ~QueueListener() = default;
  virtual void on_start(TrialIndex, int /*rank*/) {}
  virtual void on_progress(TrialIndex, std::int64_t /*step*/, std::int64_t /*steps*/) {}
  virtual void on_end(TrialIndex, const TrialSummary&) {}
};

/// A rank's part: trains what it takes from the queue until `next` gives nothing.
using Worker = std::function<void(TrialQueue& queue)>;

/// Distributes trials over all ranks. A thread of rank 0, the coordinator, answers whichever rank asks for a trial;
/// every rank, rank 0 included, works. Once any rank's `stop` is set, that of every rank is, and no more trials are
/// assigned; nor to a rank for which the deadline is nearer than the time that it has measured from taking a trial to
/// its first step: then the stop is set at the end. Returns whether it is set. An exception of `work` ends the job:
/// what goes wrong within a trial is the trial's end. If it is a `DeviceError`, the rank's trials go back to the queue,
/// the ranks that still work train all that is left, and then it is thrown as by `RankTeam::on_root`, with the numbers
/// of the ranks whose devices are broken, whether there was a stop or not.
bool distribute_trials(RankTeam& team, std::vector<QueuedTrial> queue, const Worker& work, QueueListener& listener,
                       StopRequest& stop);

}  // namespace tunescope
