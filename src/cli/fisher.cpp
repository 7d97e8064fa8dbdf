#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <thread>

#include "parallel_job.hpp"
#include "tunescope/atomic_file.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/progress.hpp"
#include "tunescope/sweep/fisher_sources.hpp"
#include "warnings.hpp"

namespace tunescope::cli {
namespace {

std::string describe(const PlannedFisher& planned) {
  const FisherRun& run = planned.run;
  return fmt::format("{} {} {} examples in batches of {}, {} seed {} at {:g}", run.source.task,
                     fisher_mode_name(run.mode), run.examples == 0 ? "all" : std::to_string(run.examples),
                     run.batch_size, run.source.method.text(), run.source.seed, run.point);
}

// Computes pending runs, showing progress. Collective.
void compute_and_show(const RankContext& context, Reducer& reducer, const std::vector<PlannedFisher>& pending) {
  std::vector<ProgressDisplay::Item> items;
  for (const PlannedFisher& planned : pending) {
    items.push_back({describe(planned), static_cast<double>(examples_of(planned.run, context.inputs))});
  }
  ProgressDisplay display(std::move(items), "Fisher runs", context.spec.progress);
  compute_fisher_runs(context, reducer, pending,
                      {.on_progress =
                           [&](std::size_t run, std::int64_t done, std::int64_t of) {
                             display.progress(run, static_cast<double>(done) / static_cast<double>(of));
                           },
                       .on_finish =
                           [&](std::size_t run, double seconds) {
                             spdlog::info("Fisher run {} done after {:.1f} s", pending[run].id, seconds);
                             display.finish(run, ProgressDisplay::End::kGood, "done", seconds);
                           },
                       .on_failure =
                           [&](std::size_t run, const std::string& error) {
                             spdlog::error("Fisher run {}: {}", pending[run].id, error);
                             display.finish(run, ProgressDisplay::End::kBad, "FAILED: " + error, 0.0);
                           }});
}

std::vector<PlannedFisher> pending_of(std::vector<PlannedFisher> runs) {
  std::erase_if(runs, [](const PlannedFisher& planned) { return planned.is_done; });
  return runs;
}

void print_start(const RankContext& context, const std::vector<PlannedFisher>& runs, std::string_view reducer) {
  print_warnings(runs);
  const int ranks = context.world.size();
  const std::size_t pending = pending_of(runs).size();
  fmt::print("{}: {} Fisher runs, {} already there, {} to compute on {} rank{} (sums over {})\n", context.spec.name,
             runs.size(), runs.size() - pending, pending, ranks, ranks == 1 ? "" : "s", reducer);
  std::fflush(stdout);
}

// Trains the sources whose weights are missing, and what others have taken and left without them. Returns whether it
// came to its end, not to a stop. Collective.
bool train_sources(const RankContext& context, const std::vector<PlannedTrial>& sources,
                   const std::vector<PlannedFisher>& pending) {
  const SweepSpec& spec = context.spec;
  const ResultPaths paths(spec);
  const TrialWork work{.start =
                           [&](std::size_t source, const ProgressReport& report) {
                             return start_trial(context, paths, sources[source], pending, report);
                           },
                       .is_done = [&](std::size_t source) { return !has_to_train(spec, sources[source], pending); }};
  Order candidates(sources.size());
  std::iota(candidates.begin(), candidates.end(), std::size_t{0});
  for (;;) {
    std::erase_if(candidates, [&](std::size_t source) { return !has_to_train(spec, sources[source], pending); });
    sort_longest_first(candidates, sources);
    const Order order = agree(context.world, candidates);
    if (order.empty()) return true;
    const TrialsEnd end = run_and_show_trials(context, sources, order, work);
    if (end.is_stopped) return false;
    for (const std::size_t source : end.recorded) wait_for_weights(spec, sources[source], pending);
    candidates = end.elsewhere;
    if (!candidates.empty()) std::this_thread::sleep_for(kClaimPoll);
  }
}

// What rank 0 finds stored holds for all: another rank's view of a shared folder may lag behind. Collective.
void agree_on_done(const Communicator& world, std::vector<PlannedFisher>& runs) {
  std::vector<std::size_t> done;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].is_done) done.push_back(i);
  }
  for (PlannedFisher& planned : runs) planned.is_done = false;
  for (const std::size_t i : agree(world, done)) runs[i].is_done = true;
}

// Returns whether it was written: a merged file keeps trials whose files do not count any more.
bool write_merged(const RankContext& context, const InputHashes& hashes, const std::vector<std::string>& ids,
                  bool is_complete) {
  const SweepSpec& spec = context.spec;
  const std::vector<PlannedTrial> trials = stored_trials(spec, hashes);
  print_warnings(trials);
  const bool is_refused =
      std::ranges::any_of(trials, [](const PlannedTrial& planned) { return !planned.warning.empty(); });
  if (is_refused && std::filesystem::exists(spec.results_file())) {
    fmt::print(
        stderr,
        "tunescope: {}: is kept without the new Fisher runs, for it may hold trials that do not count any more, see "
        "the warnings; run `tunescope sweep` or `tunescope merge` on this job\n",
        spec.results_file().string());
    return false;
  }
  merge_and_warn(spec, trials, ids, &context.inputs, hashes, is_complete);
  return true;
}

}  // namespace

bool find_pending_fisher(const RankContext& context, std::vector<PlannedFisher>& runs) {
  if (context.world.rank() == 0) find_stored_fisher(context.spec, runs);
  agree_on_done(context.world, runs);
  return !pending_of(runs).empty();
}

bool run_fisher_stage(const RankContext& context, Job& job) {
  std::vector<PlannedFisher>& runs = job.fisher;
  const Communicator& world = context.world;
  const SweepSpec& spec = context.spec;
  const bool is_first = world.rank() == 0;
  if (!find_pending_fisher(context, runs)) return true;
  const std::vector<PlannedFisher> pending = pending_of(runs);
  const std::unique_ptr<Reducer> reducer = make_reducer(spec.reducer, world, context.worker.device);
  if (is_first) print_start(context, runs, reducer->name());
  const std::vector<PlannedTrial> sources = fisher_sources(pending, context.inputs);
  if (!train_sources(context, sources, pending)) return false;
  find_pending_fisher(context, runs);  // another sweep may have computed some meanwhile
  compute_and_show(context, *reducer, pending_of(runs));
  const bool is_complete = !find_pending_fisher(context, runs);
  if (is_first) remove_measured_weights(spec, job.hashes, context.inputs);
  const ResultPaths paths(spec);
  for (const PlannedFisher& planned : runs) {
    if (planned.is_done) wait_for_file(paths.fisher_file(planned.id));
  }
  return is_complete;
}

ExitStatus fisher(int argc, char** argv) {
  const auto run = [](const RankContext& context, Job& job) {
    const auto begin = std::chrono::steady_clock::now();
    const SweepSpec& spec = context.spec;
    const bool is_complete = run_fisher_stage(context, job);
    if (!is_complete && context.stop.is_set()) {  // what counts is rank 0's, which had its stop from any other
      if (context.world.rank() == 0) print_stopped_early(spec);
      return kStoppedEarly;
    }
    if (context.world.rank() == 0) {
      std::vector<std::string> ids;
      for (const PlannedFisher& planned : job.fisher) ids.push_back(planned.id);
      if (!write_merged(context, job.hashes, ids, is_complete)) return kSomeFailed;
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
      fmt::print("{} of {} Fisher runs done in {}\nresults: {}\n", ids.size() - pending_of(job.fisher).size(),
                 ids.size(), readable_duration(elapsed.count()), spec.results_file().string());
    }
    return is_complete ? kAllDone : kSomeFailed;
  };
  return run_parallel(argc, argv, {.fisher_runs = expand_fisher_runs, .run = run});
}

}  // namespace tunescope::cli
