#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "tunescope/mpi/communicator.hpp"
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

/// Tells rank 0 how far the running trial is; cheap enough for every step.
using ProgressReport = std::function<void(std::int64_t step, std::int64_t steps)>;

/// Runs one trial on the calling rank.
using TrialFunction = std::function<TrialOutcome(std::size_t trial, const ProgressReport& report)>;

/// Runs trials 0 ... count-1 over all ranks, handed out in this order by a thread of rank 0 to whichever rank is free;
/// the longest should come first. Every rank, rank 0 included, trains. Once a rank's `stop` is set,
/// that of every rank is set, and no more trials are handed out. An exception of `run` ends the job: failures of a
/// trial are its return value. *Collective.*
void run_trials(const Communicator& world, std::size_t count, const TrialFunction& run, const SweepObserver& observer,
                StopRequest& stop);

}  // namespace tunescope
