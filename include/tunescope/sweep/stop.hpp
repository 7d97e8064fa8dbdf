#pragma once

#include <chrono>
#include <optional>

namespace tunescope {

/// Whether this process should save its work and end: after SIGTERM or SIGUSR2 (SIGUSR1 belongs to NCCL and Open MPI),
/// at a deadline, or because another rank was told so. A second signal ends the process at once with status 75; every
/// file is written under a temporary name, so that is safe too.
class StopRequest {
 public:
  /// Installs the signal handlers. One a process.
  StopRequest();

  /// Asks for a stop at a time.
  void set_deadline(std::optional<std::chrono::system_clock::time_point> deadline) { deadline_ = deadline; }
  /// Asks for a stop now.
  void set();
  bool is_set() const;

 private:
  std::optional<std::chrono::system_clock::time_point> deadline_;
};

/// When the job has to stop: `seconds` from now where that is above 0, and `margin` before the end of the Slurm
/// allocation where the environment names it (SLURM_JOB_END_TIME); the earlier of the two.
std::optional<std::chrono::system_clock::time_point> find_deadline(double seconds, std::chrono::seconds margin);

}  // namespace tunescope
