#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>

#include "tunescope/base/next_action.hpp"

namespace tunescope {

/// Whether this process should save its work and end: after a signal (see `StopSignals`), at a deadline, or because
/// another rank was asked to; and whether it could save its work then.
class StopRequest {
 public:
  StopRequest() = default;
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  /// Asks for a stop at a time of the steady clock, which no change of the wall clock moves.
  void set_deadline(std::optional<std::chrono::steady_clock::time_point> deadline) { deadline_ = deadline; }
  /// Asks for a stop now. Safe in a signal handler.
  void request_stop() { is_requested_ = true; }
  bool is_set() const;
  /// Whether the deadline, if there is one, is at least `time` away.
  bool has_time_for(std::chrono::duration<double> time) const;

  /// Called if a stop came and a computation could not save what it had done.
  void note_lost_work() { has_lost_work_ = true; }
  bool has_lost_work() const { return has_lost_work_; }

 private:
  std::atomic<bool> is_requested_{false};
  static_assert(decltype(is_requested_)::is_always_lock_free);
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  std::atomic<bool> has_lost_work_{false};
};

/// When a computation saves its state: at intervals (0: never), and once more when it is asked to stop.
class CheckpointClock {
 public:
  CheckpointClock(double interval_seconds, StopRequest& stop)
      : interval_(interval_seconds), stop_(stop), last_(std::chrono::steady_clock::now()) {}

  NextAction next_action();

  /// Calls `write`, which writes a checkpoint, and returns whether it could. If it throws, the log says why. If the
  /// last `next_action` was `kSave`, the computation continues, for a checkpoint on the way is insurance; otherwise
  /// there is a stop, of this rank or another: what was done since the checkpoint before is lost, and the request knows
  /// it.
  bool save(const std::function<void()>& write);

  /// The same for a checkpoint on the way that no interval has asked for.
  bool save_on_the_way(const std::function<void()>& write);

 private:
  NextAction action_ = NextAction::kContinue;  // the last one, until it is carried out
  std::chrono::duration<double> interval_;
  StopRequest& stop_;
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
