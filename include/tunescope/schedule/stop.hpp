#pragma once

#include <chrono>
#include <optional>

#include "tunescope/base/next_action.hpp"

namespace tunescope {

/// Whether this process should save its work and end: after SIGTERM or SIGUSR2; after SIGINT, SIGHUP or SIGUSR1 unless
/// the process was started with them ignored or a library takes them over (MPI and NCCL may take SIGUSR1); at a
/// deadline; or because another rank was asked to. A signal 5 s or more after the first ends the process at once with
/// status 75, which is safe too: every file is written under a temporary name. Repeats before that are taken for copies
/// of the first, which launchers and batch systems send.
class StopRequest {
 public:
  /// Installs the signal handlers, which are the process's: one at a time.
  StopRequest();

  /// Asks for a stop at a time of the steady clock, which no change of the wall clock moves.
  void set_deadline(std::optional<std::chrono::steady_clock::time_point> deadline) { deadline_ = deadline; }
  /// Asks for a stop now.
  void request_stop();
  bool is_set() const;
  /// Whether the deadline, if there is one, is at least `time` away.
  bool has_time_for(std::chrono::duration<double> time) const;

 private:
  std::optional<std::chrono::steady_clock::time_point> deadline_;
};

/// When a computation saves its state: at intervals (0: never), and once more when it is asked to stop.
class CheckpointClock {
 public:
  CheckpointClock(double interval_seconds, const StopRequest& stop)
      : interval_(interval_seconds), stop_(stop), last_(std::chrono::steady_clock::now()) {}

  NextAction next_action();

 private:
  std::chrono::duration<double> interval_;
  const StopRequest& stop_;
  std::chrono::steady_clock::time_point last_;
};

/// The same time on both clocks.
struct ClockReading {
  std::chrono::system_clock::time_point wall = std::chrono::system_clock::now();
  std::chrono::steady_clock::time_point steady = std::chrono::steady_clock::now();
};

/// When the job has to stop: `seconds` from now if that is above 0, or `margin` (at most half of the time left) before
/// the end of the Slurm allocation if the environment names it (SLURM_JOB_END_TIME), whichever is earlier. An end that
/// is no number or has passed is named in the log and ignored. The wall clock is read once, here.
std::optional<std::chrono::steady_clock::time_point> find_deadline(double seconds, std::chrono::seconds margin,
                                                                   const ClockReading& now = {});

}  // namespace tunescope
