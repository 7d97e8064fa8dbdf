#pragma once

#include <memory>
#include <string>

#include "tunescope/parallel/rank_team.hpp"

namespace tunescope {

/// What has started this process, by the environment that it was given.
enum class Launcher { kNone, kMpirun, kSrun, kSrunWithoutPmix, kPmix };
Launcher find_launcher();

/// Why MPI cannot be initialized, and what to do: `srun` has started this process without PMIx, which Open MPI needs to
/// join the processes, and without which it ends them. Empty if nothing is known to be wrong.
std::string launch_problem();

/// Open MPI and its version, such as "Open MPI v4.1.4". Needs no `MpiEnvironment`.
std::string mpi_library();

/// Initializes MPI with `MPI_THREAD_MULTIPLE` for the life of the object; one per process, made in `main`.
class MpiEnvironment {
 public:
  /// Throws `EnvironmentError` with the `launch_problem` if there is one, and `MpiError` if MPI does not provide
  /// `MPI_THREAD_MULTIPLE`.
  MpiEnvironment();
  ~MpiEnvironment();
  MpiEnvironment(const MpiEnvironment&) = delete;
  MpiEnvironment& operator=(const MpiEnvironment&) = delete;

  /// All ranks of the job.
  RankTeam& world() { return *world_; }

 private:
  std::unique_ptr<RankTeam> world_;
};

/// What is wrong with a job that was started as N separate processes, each of which believes to be rank 0 of 1: a
/// launcher announces more than one task, and MPI sees `ranks` = 1. If there is no launcher, the tasks of the Slurm
/// allocation count. Empty if that is not so.
std::string singleton_problem(int ranks);
/// Throws `EnvironmentError` with it.
void refuse_singletons(int ranks);

/// Ends every rank of the job at once; for an error outside a collective, which the other ranks cannot see.
[[noreturn]] void abort_all_ranks(int exit_status);

}  // namespace tunescope
