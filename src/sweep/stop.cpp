#include "tunescope/sweep/stop.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>

namespace tunescope {
namespace {

constexpr int kStoppedEarlyExitStatus = 75;

std::atomic<bool> is_stop_requested{false};
std::atomic<int> signals_received{0};

void on_signal(int) {
  if (signals_received.fetch_add(1) > 0) ::_exit(kStoppedEarlyExitStatus);
  is_stop_requested = true;
}

}  // namespace

StopRequest::StopRequest() {
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGUSR2, &action, nullptr);
}

void StopRequest::set() { is_stop_requested = true; }

bool StopRequest::is_set() const {
  return is_stop_requested || (deadline_ && std::chrono::system_clock::now() >= *deadline_);
}

std::optional<std::chrono::system_clock::time_point> find_deadline(double seconds, std::chrono::seconds margin) {
  using Clock = std::chrono::system_clock;
  std::optional<Clock::time_point> deadline;
  if (seconds > 0.0) {
    deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  if (const char* end = std::getenv("SLURM_JOB_END_TIME")) {
    const Clock::time_point slurm_end = Clock::from_time_t(std::strtoll(end, nullptr, 10)) - margin;
    if (!deadline || slurm_end < *deadline) deadline = slurm_end;
  }
  return deadline;
}

}  // namespace tunescope
