#include "tunescope/parallel/environment.hpp"

#include <array>
#include <cstdlib>

#include "tunescope/base/environment_number.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

constexpr std::string_view kHowToStart =
    "start it with 'srun --mpi=pmix' ('srun --mpi=list' tells whether this Slurm has pmix), or with 'mpirun' of the "
    "Open MPI that tunescope was built with";

bool is_set(const char* variable) { return std::getenv(variable) != nullptr; }

}  // namespace

Launcher find_launcher() {
  if (is_set("OMPI_COMM_WORLD_SIZE")) return Launcher::kMpirun;
  const bool is_joined = is_set("PMIX_NAMESPACE") || is_set("PMI_RANK");
  if (!is_set("SLURM_STEP_ID")) return is_joined ? Launcher::kPmix : Launcher::kNone;
  return is_joined ? Launcher::kSrun : Launcher::kSrunWithoutPmix;
}

std::string launch_problem() {
  if (find_launcher() != Launcher::kSrunWithoutPmix) return "";
  return "srun has started this process without PMIx, so that MPI cannot join it with the others: " +
         std::string(kHowToStart);
}

MpiEnvironment::MpiEnvironment() {
  if (const std::string problem = launch_problem(); !problem.empty()) throw EnvironmentError(problem);
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

std::string singleton_problem(int ranks) {
  if (ranks > 1) return "";
  // The launcher's own count comes before that of the allocation: it may use a part of it.
  constexpr std::array kTaskCounts = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"};
  for (const char* name : kTaskCounts) {
    const std::optional<std::int64_t> tasks = positive_number_of(name);
    if (!tasks) continue;
    if (*tasks == 1) return "";
    return std::string(name) + " announces " + std::to_string(*tasks) +
           " tasks, but MPI sees one rank: each process would run the whole sweep; " + std::string(kHowToStart) +
           ". If one rank is meant, start it with 'mpirun -n 1' or set " + name + "=1";
  }
  return "";
}

void refuse_singletons(int ranks) {
  if (const std::string problem = singleton_problem(ranks); !problem.empty()) throw EnvironmentError(problem);
}

std::string mpi_library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string version(text, static_cast<std::size_t>(length));
  return version.substr(0, version.find(','));
}

void abort_all_ranks(int exit_status) {
  MPI_Abort(MPI_COMM_WORLD, exit_status);
  std::abort();
}

}  // namespace tunescope
