#include "tunescope/parallel/environment.hpp"

#include <array>
#include <cstdlib>

#include "tunescope/base/environment_number.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {

MpiEnvironment::MpiEnvironment() {
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_MULTIPLE) {
    throw MpiError("MPI provides thread level " + std::to_string(provided) +
                   ", but the coordinator needs MPI_THREAD_MULTIPLE; use an Open MPI built with thread support");
  }
  world_ = std::make_unique<RankTeam>(MPI_COMM_WORLD);
}

MpiEnvironment::~MpiEnvironment() {
  world_.reset();
  MPI_Finalize();
}

void refuse_singletons(int ranks) {
  if (ranks > 1) return;
  // The launcher's own count comes before that of the allocation: it may use a part of it.
  constexpr std::array kTaskCounts = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"};
  for (const char* name : kTaskCounts) {
    const std::optional<std::int64_t> tasks = positive_number_of(name);
    if (!tasks) continue;
    if (*tasks == 1) return;
    throw EnvironmentError(std::string(name) + " announces " + std::to_string(*tasks) +
                           " tasks, but MPI sees one rank: each process would run the whole sweep. Start it with "
                           "'srun --mpi=pmix' or 'mpirun' of the Open MPI that tunescope was built with; if one rank "
                           "is meant, start it with 'mpirun -n 1' or set " +
                           name + "=1.");
  }
}

void abort_all_ranks(int exit_status) {
  MPI_Abort(MPI_COMM_WORLD, exit_status);
  std::abort();
}

}  // namespace tunescope
