#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "tunescope/mpi/communicator.hpp"
#include "tunescope/sweep/dealer.hpp"
#include "tunescope/sweep/stop.hpp"

namespace tunescope {

/// How a trial ended; `kStopped`: it was saved before its end; `kElsewhere`: another sweep trains or has trained it.
enum class TrialState : std::int32_t { kDone, kDiverged, kFailed, kStopped, kElsewhere };

/// What a rank tells of a trial that ended.
struct TrialOutcome {
  TrialState state = TrialState::kDone;
  double score = 0.0;  ///< at the best evaluation; NaN where there is none
  double seconds = 0.0;
};

/// What rank 0 sees of the sweep, in the scheduler's thread.
struct SweepObserver {
  std::function<void(std::size_t trial, int rank)> on_start = [](std::size_t, int) {};
  std::function<void(std::size_t trial, std::int64_t step, std::int64_t steps)> on_progress =
      [](std::size_t, std::int64_t, std::int64_t) {};
  std::function<void(std::size_t trial, const TrialOutcome& outcome)> on_finish = [](std::size_t, const TrialOutcome&) {
  };
};

/// A rank's side of the scheduler.
class TrialQueue {
 public:
  TrialQueue(const Communicator& world, StopRequest& stop) : world_(world), stop_(stop) {}

  /// The next trial, or nothing where none is left for this rank.
  std::optional<std::size_t> next();
  /// A trial to train beside one that this rank has, and all those beside it; or nothing where none may join them or
  /// those that are left are for ranks that have less. A refusal stands for as long as the rank has as many trials.
  std::optional<std::size_t> next_beside(std::size_t trial);
  /// Tells rank 0 how far a trial is, and hears of a stop; cheap enough for every step.
  void report(std::size_t trial, std::int64_t step, std::int64_t steps);
  void finish(std::size_t trial, const TrialOutcome& outcome);

 private:
  using Clock = std::chrono::steady_clock;

  // A trial in training here.
  struct Held {
    Clock::time_point taken;
    std::optional<Clock::time_point> last_report;
  };

  std::optional<std::size_t> ask(std::optional<std::size_t> beside);

  const Communicator& world_;
  StopRequest& stop_;
  std::map<std::size_t, Held> held_;
  std::chrono::duration<double> latest_start_{0.0};  // of a trial, until its first report
};

/// Trains what it takes from the queue until `next` gives nothing.
using Worker = std::function<void(TrialQueue& queue)>;

/// Hands trials out over all ranks, by a thread of rank 0, to whichever rank asks. Every rank, rank 0 included, works.
/// Once a rank's `stop` is set, that of every rank is set, and no more trials are handed out; nor to a rank for which
/// the deadline is nearer than what it has measured that a trial needs to get going (until its first `report`): the
/// stop is then set at the end. Returns whether it is set. An exception of `work` ends the job: failures of a trial are
/// its outcome. *Collective.*
bool run_trials(const Communicator& world, const TrialList& trials, const Worker& work, const SweepObserver& observer,
                StopRequest& stop);

/// Tells rank 0 how far the running trial is.
using ProgressReport = std::function<void(std::int64_t step, std::int64_t steps)>;

}  // namespace tunescope
