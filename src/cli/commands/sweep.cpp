#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>

#include "cli/display/run_display.hpp"
#include "cli/parallel_command.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/plan/core_split.hpp"
#include "tunescope/run/sweep_run.hpp"

namespace tunescope::cli {
namespace {

constexpr double kNotedGain = 1.05;

class SweepDisplay final : public RunDisplay {
 public:
  void begin_sweep(const RankContext& rank, int ranks) {
    begin(rank.job.spec, ranks);
    rank_ = &rank;
  }

  void on_sweep(const std::vector<PlannedTrial>& trials) override {
    const RankSetup& setup = rank_->setup;
    const CoreSplit split{.ranks = ranks(), .threads = setup.threads};
    const auto to_run =
        trials.size() - static_cast<std::size_t>(std::ranges::count_if(trials, &PlannedTrial::is_finished));
    fmt::print("{}: {} trials, {} already there, {} to run on {} ({}; built for {}; found {})\n", rank_->job.spec.name,
               trials.size(), trials.size() - to_run, to_run, split.text(), setup.device.str(), compiled_backends(),
               Machine::look_for(rank_->job.spec.device).text());
    if (ranks() == setup.node_ranks && setup.device.is_cpu() && !setup.threads_are_given)
      note_better_split(trials, split);
    if (static_cast<std::size_t>(ranks()) > to_run && to_run > 0) {
      on_note(fmt::format("more ranks than trials; {} ranks will have nothing to do",
                          static_cast<std::size_t>(ranks()) - to_run));
    }
    std::fflush(stdout);
  }

 private:
  void note_better_split(const std::vector<PlannedTrial>& trials, const CoreSplit& split) {
    const SplitWork work = split_work(trials, available_memory(rank_->setup.device), rank_->job.inputs.packed_bytes());
    const CoreSplit best = best_core_split(work, rank_->setup.node_cores);
    const double gain = expected_time(work, split) / expected_time(work, best);
    if (gain > kNotedGain) on_note(fmt::format("{} would be about {:.1f} times as fast here", best.text(), gain));
  }

  const RankContext* rank_ = nullptr;
};

void print_end(const SweepSpec& spec, const SweepEnd& end, double seconds) {
  const std::size_t bad = end.trials - end.done;
  fmt::print("{} of {} trials done{} in {}\nresults: {}\n", end.done, end.trials,
             bad > 0 ? fmt::format(", {} failed or diverged (tunescope status tells why)", bad) : "",
             readable_duration(seconds), spec.results_file().string());
}

}  // namespace

ExitStatus sweep(int argc, char** argv) {
  SweepDisplay display;
  const auto run = [&](RankTeam& team, const RankContext& rank) {
    const auto begin = std::chrono::steady_clock::now();
    const SweepSpec& spec = rank.job.spec;
    display.begin_sweep(rank, team.size());
    const SweepEnd end = run_sweep(team, rank, display);
    if (end.is_broken && !end.has_lost_work) return kSomeFailed;
    if (end.is_stopped || end.is_broken) return report_stop(team, spec, end.has_lost_work);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    if (team.is_root()) print_end(spec, end, elapsed.count());
    return end.done == end.trials ? kAllDone : kSomeFailed;
  };
  return run_parallel(argc, argv, display, {.fisher_runs = needed_fisher_runs, .run = run});
}

}  // namespace tunescope::cli
