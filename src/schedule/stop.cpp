#include "tunescope/schedule/stop.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <utility>

namespace tunescope {
namespace {

using Duration = std::chrono::steady_clock::duration;

// Time left to the end of the Slurm allocation, if the environment names an end that lies ahead.
std::optional<Duration> slurm_time_left(std::chrono::system_clock::time_point now) {
  const char* const text = std::getenv("SLURM_JOB_END_TIME");
  if (text == nullptr) return std::nullopt;
  std::int64_t seconds = 0;
  const char* const end = text + std::strlen(text);
  const bool is_number = std::from_chars(text, end, seconds).ptr == end;
  const auto time = std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
  if (is_number && time > now) return time - now;
  spdlog::warn("SLURM_JOB_END_TIME = '{}' is not a time that lies ahead (seconds since 1970); it is ignored", text);
  return std::nullopt;
}

}  // namespace

bool StopRequest::is_set() const {
  return is_requested_ || (deadline_ && std::chrono::steady_clock::now() >= *deadline_);
}

bool StopRequest::has_time_for(std::chrono::duration<double> time) const {
  return !deadline_ || *deadline_ - std::chrono::steady_clock::now() >= time;
}

NextAction CheckpointClock::next_action() {
  const auto now = std::chrono::steady_clock::now();
  action_ = NextAction::kContinue;
  if (stop_.is_set()) {
    action_ = NextAction::kSaveAndStop;
  } else if (interval_.count() > 0.0 && now - last_ >= interval_) {
    last_ = now;
    action_ = NextAction::kSave;
  }
  return action_;
}

bool CheckpointClock::save(const std::function<void()>& write) {
  if (std::exchange(action_, NextAction::kContinue) == NextAction::kSave) return save_on_the_way(write);
  try {
    write();
    return true;
  } catch (const std::exception& error) {
    spdlog::error("not saved: {}; what was computed since the last checkpoint is lost", error.what());
    stop_.note_lost_work();
    return false;
  }
}

bool CheckpointClock::save_on_the_way(const std::function<void()>& write) {
  try {
    write();
    return true;
  } catch (const std::exception& error) {
    spdlog::warn("no checkpoint: {}; the computation continues without one", error.what());
    return false;
  }
}

std::optional<std::chrono::steady_clock::time_point> find_deadline(double seconds, std::chrono::seconds margin,
                                                                   const ClockReading& now) {
  std::optional<Duration> time;
  if (seconds > 0.0) time = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  if (const auto left = slurm_time_left(now.wall)) {
    // A short allocation keeps half of its time for work, or it would be re-queued for ever.
    const Duration slurm_time = *left - std::min<Duration>(margin, *left / 2);
    if (!time || slurm_time < *time) time = slurm_time;
  }
  return time ? std::optional(now.steady + *time) : std::nullopt;
}

}  // namespace tunescope
