// How many trials per second rank 0 assigns and collects: trials that do nothing, and trials that write a small result
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
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/parallel/environment.hpp"

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

void report(bool is_root, const char* what, std::size_t count, double seconds) {
  if (!is_root) return;
  fmt::print("{:<34} {:>7} in {:6.2f} s: {:8.0f} a second\n", what, count, seconds,
             static_cast<double>(count) / seconds);
}

void run(RankTeam& team, const std::filesystem::path& folder, std::size_t trials, std::size_t files) {
  StopRequest stop;
  QueueListener nobody;
  const auto nothing = [](TrialIndex, const test::ProgressReport&) { return TrialSummary{}; };
  const auto with_file = [&](TrialIndex trial, const test::ProgressReport&) {
    write_result(folder, trial);
    return TrialSummary{};
  };
  const auto distribute = [&](std::size_t count, const auto& run_trial) {
    return seconds_of(
        [&] { distribute_trials(team, test::equal_trials(count), test::one_by_one(run_trial), nobody, stop); });
  };
  if (team.is_root()) fmt::print("{} ranks\n", team.size());
  report(team.is_root(), "trials that do nothing", trials, distribute(trials, nothing));
  report(team.is_root(), "trials that write a file", files, distribute(files, with_file));
  if (team.is_root()) {
    report(true, "files by one process alone", files, seconds_of([&] {
             for (std::size_t trial = 0; trial < files; ++trial) write_result(folder, trial);
           }));
    fmt::print("peak memory of rank 0: {:.2f} GB\n", peak_gigabytes());
  }
}

}  // namespace
}  // namespace tunescope

int main(int argc, char** argv) {
  tunescope::MpiEnvironment mpi;
  if (argc < 2) {
    fmt::print(stderr, "usage: mpirun -n RANKS coordinator_benchmark FOLDER [TRIALS [FILES]]\n");
    return 2;
  }
  const std::filesystem::path folder = std::filesystem::path(argv[1]) / "coordinator";
  std::filesystem::create_directories(folder);
  tunescope::run(mpi.world(), folder, argc > 2 ? std::stoul(argv[2]) : 20'000, argc > 3 ? std::stoul(argv[3]) : 2'000);
  mpi.world().barrier();
  if (mpi.world().is_root()) std::filesystem::remove_all(folder);
  return 0;
}
