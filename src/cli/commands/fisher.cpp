#include <spdlog/fmt/fmt.h>

#include <chrono>

#include "cli/display/run_display.hpp"
#include "cli/parallel_command.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/run/sweep_run.hpp"

namespace tunescope::cli {
namespace {

void print_end(const SweepSpec& spec, const FisherEnd& end, double seconds) {
  if (end.is_merged) {
    fmt::print("{} of {} Fisher runs done in {}\nresults: {}\n", end.done, end.runs, readable_duration(seconds),
               spec.results_file().string());
    return;
  }
  fmt::print(
      stderr,
      "tunescope: {}: is kept without the new Fisher runs, for it may hold trials that do not count any more, see "
      "the warnings; run `tunescope sweep` or `tunescope merge` on this job\n",
      spec.results_file().string());
}

}  // namespace

ExitStatus fisher(int argc, char** argv) {
  RunDisplay display;
  const auto run = [&](RankTeam& team, const RankContext& rank) {
    const auto begin = std::chrono::steady_clock::now();
    const SweepSpec& spec = rank.job.spec;
    display.begin(spec, team.size());
    const FisherEnd end = run_fisher(team, rank, display);
    if (end.is_broken && !end.has_lost_work) return kSomeFailed;
    if (end.is_stopped || end.is_broken) return report_stop(team, spec, end.has_lost_work);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    if (team.is_root()) print_end(spec, end, elapsed.count());
    return end.is_merged && end.done == end.runs ? kAllDone : kSomeFailed;
  };
  return run_parallel(argc, argv, display, {.fisher_runs = expand_fisher_runs, .run = run});
}

}  // namespace tunescope::cli
