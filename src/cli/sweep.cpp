#include "tunescope/sweep/sweep.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>

#include "parallel_job.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/progress.hpp"

namespace tunescope::cli {
namespace {

// The trials to run, longest expected first, the same on every rank.
Order agree_on_order(const Communicator& world, const std::vector<PlannedTrial>& trials) {
  Order order;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].state == StoredState::kMissing || trials[i].state == StoredState::kFailed) order.push_back(i);
  }
  sort_longest_first(order, trials);
  return agree(world, order);
}

void print_warnings(const std::vector<PlannedTrial>& trials) {
  for (const PlannedTrial& planned : trials) {
    if (!planned.warning.empty()) fmt::print("warning: {}\n", planned.warning);
  }
}

void print_start(const Communicator& world, const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                 const Order& order, const WorkerOptions& worker) {
  print_warnings(trials);
  fmt::print("{}: {} trials, {} already there, {} to run on {} rank{} with {} thread{} each ({})\n", spec.name,
             trials.size(), trials.size() - order.size(), order.size(), world.size(), world.size() == 1 ? "" : "s",
             worker.threads, worker.threads == 1 ? "" : "s", worker.device.str());
  if (static_cast<std::size_t>(world.size()) > order.size() && !order.empty()) {
    fmt::print("note: more ranks than trials; {} ranks will have nothing to do\n",
               static_cast<std::size_t>(world.size()) - order.size());
  }
  std::fflush(stdout);
}

ExitStatus finish(const RankContext& context, const InputHashes& hashes, double seconds) {
  const SweepSpec& spec = context.spec;
  const std::vector<PlannedTrial> trials = stored_trials(spec, hashes);
  print_warnings(trials);
  for (const std::string& warning :
       merge_results(spec, trials, job_fisher_ids(spec, hashes), context.inputs, hashes, is_complete(trials))) {
    fmt::print("warning: {}\n", warning);
  }
  std::size_t bad = 0;
  for (const PlannedTrial& planned : trials) bad += planned.state == StoredState::kDone ? 0 : 1;
  fmt::print("{} of {} trials done{} in {}\nresults: {}\n", trials.size() - bad, trials.size(),
             bad > 0 ? fmt::format(", {} failed or diverged (tunescope status tells why)", bad) : "",
             readable_duration(seconds), spec.results_file().string());
  return bad == 0 ? kAllDone : kSomeFailed;
}

}  // namespace

ExitStatus sweep(int argc, char** argv) {
  const auto run = [](const RankContext& context, Job& job) {
    const auto begin = std::chrono::steady_clock::now();
    const SweepSpec& spec = context.spec;
    const InputHashes& hashes = job.hashes;
    const bool is_first = context.world.rank() == 0;
    run_fisher_stage(context, job.fisher);
    std::vector<PlannedTrial> trials = plan_trials(spec, hashes, context.inputs);
    if (is_first) find_stored_trials(spec, trials);
    const Order order = agree_on_order(context.world, trials);
    if (is_first) print_start(context.world, spec, trials, order, context.worker);
    const ResultPaths paths(spec);
    const TrialsEnd end =
        run_and_show_trials(context, trials, order, [&](std::size_t trial, const ProgressReport& report) {
          return run_and_record(trials[trial], context.inputs, paths, context.worker,
                                {.report = report, .stop = context.stop});
        });
    if (!is_first) return kAllDone;
    if (end.is_stopped && !is_complete(stored_trials(spec, hashes))) {
      print_stopped_early(spec);
      return kStoppedEarly;
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    return finish(context, hashes, elapsed.count());
  };
  return run_parallel(argc, argv, {.fisher_runs = needed_fisher_runs, .run = run});
}

}  // namespace tunescope::cli
