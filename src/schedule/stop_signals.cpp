#include "tunescope/schedule/stop_signals.hpp"

#include <time.h>
#include <unistd.h>

#include <cstdint>

#include "tunescope/base/error.hpp"
#include "tunescope/base/exit_status.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kRepeatSeconds = 5;

// What the handler may touch: a handler has no argument for it.
std::atomic<StopRequest*> request{nullptr};
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
    ::_exit(kStoppedEarly);
  }
  if (StopRequest* const stop = request; stop != nullptr) stop->request_stop();
}

struct sigaction current_action(int signal) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action;
}

}  // namespace

StopSignals::StopSignals(StopRequest& stop) {
  StopRequest* none = nullptr;
  if (!request.compare_exchange_strong(none, &stop)) throw Error("two objects want to handle the same signals");
  first_signal_seconds = 0;
  for (const int signal : {SIGTERM, SIGUSR2}) take_over(signal, current_action(signal));
  // Of these, what somebody has a use for stays: nohup and shells ignore them for a process in the background.
  for (const int signal : {SIGINT, SIGHUP, SIGUSR1}) {
    const struct sigaction current = current_action(signal);
    if ((current.sa_flags & SA_SIGINFO) == 0 && current.sa_handler == SIG_DFL) take_over(signal, current);
  }
}

StopSignals::~StopSignals() {
  for (const auto& [signal, action] : before_) ::sigaction(signal, &action, nullptr);
  request = nullptr;
}

void StopSignals::ignore_from_here_on() {
  for (const auto& [signal, action] : before_) ::signal(signal, SIG_IGN);
  before_.clear();
}

void StopSignals::take_over(int signal, const struct sigaction& before) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
  before_.emplace_back(signal, before);
}

}  // namespace tunescope
