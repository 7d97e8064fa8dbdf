#include "tunescope/schedule/stop.hpp"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace tunescope {
namespace {

constexpr int kStoppedEarlyExitStatus = 75;
// A launcher and a batch system may both pass on what was meant as one signal.
constexpr std::int64_t kRepeatSeconds = 5;

std::atomic<bool> is_stop_requested{false};
std::atomic<std::int64_t> first_signal_seconds{0};

std::int64_t monotonic_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // safe in a signal handler
  return now.tv_sec;
}

void on_signal(int) {
  const std::int64_t now = monotonic_seconds();
  std::int64_t first = 0;
  if (!first_signal_seconds.compare_exchange_strong(first, now) && now - first >= kRepeatSeconds) {
    ::_exit(kStoppedEarlyExitStatus);
  }
  is_stop_requested = true;
}

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

StopRequest::StopRequest() {
  is_stop_requested = false;
  first_signal_seconds = 0;
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGUSR2, &action, nullptr);
  // Of these, what somebody has a use for stays: nohup and shells ignore them for a process in the background.
  for (const int signal : {SIGINT, SIGHUP, SIGUSR1}) {
    struct sigaction current;
    ::sigaction(signal, nullptr, &current);
    if ((current.sa_flags & SA_SIGINFO) == 0 && current.sa_handler == SIG_DFL) ::sigaction(signal, &action, nullptr);
  }
}

void StopRequest::request_stop() { is_stop_requested = true; }

bool StopRequest::is_set() const {
  return is_stop_requested || (deadline_ && std::chrono::steady_clock::now() >= *deadline_);
}

bool StopRequest::has_time_for(std::chrono::duration<double> time) const {
  return !deadline_ || *deadline_ - std::chrono::steady_clock::now() >= time;
}

NextAction CheckpointClock::next_action() {
  if (stop_.is_set()) return NextAction::kSaveAndStop;
  const auto now = std::chrono::steady_clock::now();
  if (interval_.count() <= 0.0 || now - last_ < interval_) return NextAction::kContinue;
  last_ = now;
  return NextAction::kSave;
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
