#pragma once

#include <memory>

#include "tunescope/parallel/rank_team.hpp"

namespace tunescope {

/// Initializes MPI with `MPI_THREAD_MULTIPLE` for the life of the object; one per process, made in `main`.
class MpiEnvironment {
 public:
  /// Throws `MpiError` if MPI does not provide `MPI_THREAD_MULTIPLE`.
  MpiEnvironment();
  ~MpiEnvironment();
  MpiEnvironment(const MpiEnvironment&) = delete;
  MpiEnvironment& operator=(const MpiEnvironment&) = delete;

  /// All ranks of the job.
  RankTeam& world() { return *world_; }

 private:
  std::unique_ptr<RankTeam> world_;
};

/// Refuses a job that was started as N separate processes, each of which believes to be rank 0 of 1: throws
/// `EnvironmentError` if a launcher announces more than one task and MPI sees `ranks` = 1. If there is no launcher, the
/// tasks of the Slurm allocation count.
void refuse_singletons(int ranks);

/// Ends every rank of the job at once; for an error outside a collective, which the other ranks cannot see.
[[noreturn]] void abort_all_ranks(int exit_status);

}  // namespace tunescope
