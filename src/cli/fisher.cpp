#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "parallel_job.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/progress.hpp"

namespace tunescope::cli {
namespace {

std::string describe(const PlannedFisher& planned) {
  const FisherRun& run = planned.run;
  return fmt::format("{} {} {} examples in batches of {}, {} seed {} at {:g}", run.source.task,
                     fisher_mode_name(run.mode), run.examples == 0 ? "all" : std::to_string(run.examples),
                     run.batch_size, run.source.method.text(), run.source.seed, run.point);
}

FisherObserver print_runs(std::size_t count) {
  const auto number = std::make_shared<std::size_t>(0);
  return {.on_finish =
              [number, count](const PlannedFisher& planned, double seconds) {
                spdlog::info("Fisher run {} done after {:.1f} s", planned.id, seconds);
                fmt::print("[Fisher {}/{}] {}: {}\n", ++*number, count, describe(planned), readable_duration(seconds));
                std::fflush(stdout);
              },
          .on_failure =
              [number, count](const PlannedFisher& planned, const std::string& error) {
                spdlog::error("Fisher run {}: {}", planned.id, error);
                fmt::print("[Fisher {}/{}] {}: failed: {}\n", ++*number, count, describe(planned), error);
                std::fflush(stdout);
              }};
}

std::size_t count_stored(const SweepSpec& spec, const std::vector<PlannedFisher>& runs) {
  const ResultPaths paths(spec);
  return static_cast<std::size_t>(std::count_if(runs.begin(), runs.end(), [&](const PlannedFisher& planned) {
    return std::filesystem::exists(paths.fisher_file(planned.id));
  }));
}

// What rank 0 finds stored holds for all: another rank's view of a shared folder may lag behind.
void agree_on_done(const Communicator& world, std::vector<PlannedFisher>& runs) {
  std::vector<std::size_t> done;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].is_done) done.push_back(i);
  }
  for (PlannedFisher& planned : runs) planned.is_done = false;
  for (const std::size_t i : agree(world, done)) runs[i].is_done = true;
}

}  // namespace

bool run_fisher_stage(const RankContext& context, std::vector<PlannedFisher> runs) {
  if (runs.empty()) return true;
  const Communicator& world = context.world;
  agree_on_done(world, runs);
  const auto pending = static_cast<std::size_t>(
      std::count_if(runs.begin(), runs.end(), [](const PlannedFisher& planned) { return !planned.is_done; }));
  if (pending == 0) return true;
  const std::unique_ptr<Reducer> reducer = make_reducer(context.spec.reducer, world, context.worker.device);
  if (world.rank() == 0) {
    for (const PlannedFisher& planned : runs) {
      if (!planned.warning.empty()) fmt::print("warning: {}\n", planned.warning);
    }
    fmt::print("{}: {} Fisher runs, {} already there, {} to compute on {} rank{} (sums over {})\n", context.spec.name,
               runs.size(), runs.size() - pending, pending, world.size(), world.size() == 1 ? "" : "s",
               reducer->name());
    std::fflush(stdout);
  }
  const std::vector<PlannedTrial> sources = fisher_sources(runs);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (lacks_weights(context.spec, sources[i], runs)) order.push_back(i);
  }
  order = agree(world, order);
  const bool is_stopped =
      run_and_show_trials(context, sources, order, [&](std::size_t trial, const ProgressReport& report) {
        return train_source(context, sources[trial], runs, report);
      });
  if (is_stopped) return false;
  compute_fisher_runs(context, *reducer, runs, print_runs(pending));
  return world.broadcast_integer(count_stored(context.spec, runs) == runs.size()) != 0;
}

ExitStatus fisher(int argc, char** argv) {
  return run_parallel(argc, argv, [](const RankContext& context, const InputHashes& hashes) {
    const auto begin = std::chrono::steady_clock::now();
    const SweepSpec& spec = context.spec;
    const std::vector<PlannedFisher> runs = plan_fisher(spec, expand_fisher_runs(spec, hashes), context.inputs);
    const bool is_complete = run_fisher_stage(context, runs);
    if (context.world.rank() == 0) {
      std::vector<std::string> ids;
      for (const PlannedFisher& planned : runs) ids.push_back(planned.id);
      merge_results(spec, stored_trials(spec, hashes), ids, context.inputs, is_complete);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
      fmt::print("{} of {} Fisher runs done in {}\nresults: {}\n", count_stored(spec, runs), runs.size(),
                 readable_duration(elapsed.count()), spec.results_file().string());
    }
    if (is_complete) return kAllDone;
    return context.stop.is_set() ? kStoppedEarly : kSomeFailed;
  });
}

}  // namespace tunescope::cli
