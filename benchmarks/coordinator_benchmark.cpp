// How many trials a second rank 0 hands out and collects: trials that do nothing, and trials that write a small result
// file; beside them the rate at which one process writes such files to this folder, which is the filesystem's.
//
//   mpirun --oversubscribe -n 16 coordinator_benchmark FOLDER [TRIALS [FILES]]

#include <spdlog/fmt/fmt.h>
#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "support/one_by_one.hpp"
#include "tunescope/atomic_file.hpp"
#include "tunescope/mpi/environment.hpp"

namespace tunescope {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void write_result(const std::filesystem::path& folder, std::size_t trial) {
  constexpr std::size_t kBytes = 40'000;  // about what a trial of MiniLM leaves
  write_text_atomically(folder / std::to_string(trial), std::string(kBytes, 'x'));
}

double peak_gigabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1e6;
}

void report(const Communicator& world, const char* what, std::size_t count, double seconds) {
  if (world.rank() != 0) return;
  fmt::print("{:<34} {:>7} in {:6.2f} s: {:8.0f} a second\n", what, count, seconds,
             static_cast<double>(count) / seconds);
}

void run(const Communicator& world, const std::filesystem::path& folder, std::size_t trials, std::size_t files) {
  StopRequest stop;
  const auto nothing = [](std::size_t, const ProgressReport&) { return TrialOutcome{}; };
  const auto with_file = [&](std::size_t trial, const ProgressReport&) {
    write_result(folder, trial);
    return TrialOutcome{};
  };
  if (world.rank() == 0) fmt::print("{} ranks\n", world.size());
  report(world, "trials that do nothing", trials,
         seconds_of([&] { run_trials(world, {trials}, test::one_by_one(nothing), {}, stop); }));
  report(world, "trials that write a file", files,
         seconds_of([&] { run_trials(world, {files}, test::one_by_one(with_file), {}, stop); }));
  if (world.rank() == 0) {
    report(world, "files by one process alone", files, seconds_of([&] {
             for (std::size_t trial = 0; trial < files; ++trial) write_result(folder, trial);
           }));
    fmt::print("peak memory of rank 0: {:.2f} GB\n", peak_gigabytes());
  }
}

}  // namespace
}  // namespace tunescope

int main(int argc, char** argv) {
  const tunescope::MpiEnvironment mpi;
  if (argc < 2) {
    fmt::print(stderr, "usage: mpirun -n RANKS coordinator_benchmark FOLDER [TRIALS [FILES]]\n");
    return 2;
  }
  const std::filesystem::path folder = std::filesystem::path(argv[1]) / "coordinator";
  std::filesystem::create_directories(folder);
  tunescope::run(mpi.world(), folder, argc > 2 ? std::stoul(argv[2]) : 20'000, argc > 3 ? std::stoul(argv[3]) : 2'000);
  mpi.world().barrier();
  if (mpi.world().rank() == 0) std::filesystem::remove_all(folder);
  return 0;
}
