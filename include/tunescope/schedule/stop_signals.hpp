#pragma once

#include <signal.h>

#include <utility>
#include <vector>

#include "tunescope/schedule/stop.hpp"

namespace tunescope {

/// Turns signals into a stop request, for as long as this lives: SIGTERM and SIGUSR2; SIGINT, SIGHUP and SIGUSR1 unless
/// the process was started with them ignored or a library takes them over (MPI and NCCL may take SIGUSR1). A signal 5 s
/// or more after the first ends the process at once with status 75, which is safe too: every file is written under a
/// temporary name. Repeats before that are taken for copies of the first, which launchers and batch systems send.
class StopSignals {
 public:
  /// `stop` must outlive this. Throws `Error` if there is one already: signal handlers belong to the whole process.
  explicit StopSignals(StopRequest& stop);
  /// Puts back the handlers that were there before, unless `ignore_from_here_on` was called.
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Ignores the signals to the end of the process: its exit status is settled. A launcher ends the other ranks with
  /// SIGTERM as soon as one has exited with a status that is not 0 (`srun --kill-on-bad-exit`); a rank that it meets on
  /// its way out would otherwise end with the signal's status in place of the one that all ranks have agreed on.
  void ignore_from_here_on();

 private:
  void take_over(int signal, const struct sigaction& before);

  std::vector<std::pair<int, struct sigaction>> before_;
};

}  // namespace tunescope
