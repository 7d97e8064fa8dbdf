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
std::vector<std::size_t> agree_on_order(const Communicator& world, const std::vector<PlannedTrial>& trials) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].state == StoredState::kMissing || trials[i].state == StoredState::kFailed) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return trials[a].flops > trials[b].flops; });
  return agree(world, order);
}

void print_start(const Communicator& world, const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                 const std::vector<std::size_t>& order, const WorkerOptions& worker) {
  for (const PlannedTrial& planned : trials) {
    if (!planned.warning.empty()) fmt::print("warning: {}\n", planned.warning);
  }
  fmt::print("{}: {} trials, {} already there, {} to run on {} rank{} with {} thread{} each ({})\n", spec.name,
             trials.size(), trials.size() - order.size(), order.size(), world.size(), world.size() == 1 ? "" : "s",
             worker.threads, worker.threads == 1 ? "" : "s", worker.device.str());
  if (static_cast<std::size_t>(world.size()) > order.size() && !order.empty()) {
    fmt::print("note: more ranks than trials; {} ranks will have nothing to do\n",
               static_cast<std::size_t>(world.size()) - order.size());
  }
  std::fflush(stdout);
}

ExitStatus finish(Job& job, double seconds) {
  const std::vector<PlannedTrial> trials = stored_trials(job.spec, job.hashes);
  merge_results(job.spec, trials, job_fisher_ids(job.spec, job.hashes), job.inputs, is_complete(trials));
  std::size_t bad = 0;
  for (const PlannedTrial& planned : trials) bad += planned.state == StoredState::kDone ? 0 : 1;
  fmt::print("{} of {} trials done{} in {}\nresults: {}\n", trials.size() - bad, trials.size(),
             bad > 0 ? fmt::format(", {} failed or diverged (tunescope status tells why)", bad) : "",
             readable_duration(seconds), job.spec.results_file().string());
  return bad == 0 ? kAllDone : kSomeFailed;
}

}  // namespace

ExitStatus sweep(int argc, char** argv) {
  return run_parallel(argc, argv, [](const Communicator& world, Job& job, const WorkerOptions& worker) {
    const auto begin = std::chrono::steady_clock::now();
    run_fisher_stage({.world = world, .spec = job.spec, .inputs = job.inputs, .worker = worker},
                     plan_fisher(job.spec, needed_fisher_runs(job.spec, job.hashes), job.inputs));
    const std::vector<PlannedTrial> trials = plan_trials(job.spec, job.hashes, job.inputs);
    const std::vector<std::size_t> order = agree_on_order(world, trials);
    if (world.rank() == 0) print_start(world, job.spec, trials, order, worker);
    const ResultPaths paths(job.spec);
    run_and_show_trials(
        world, trials, order,
        [&](std::size_t trial, const ProgressReport& report) {
          return run_and_record(trials[trial], job.inputs, paths, worker, report);
        },
        job.spec.progress);
    if (world.rank() != 0) return kAllDone;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    return finish(job, elapsed.count());
  });
}

}  // namespace tunescope::cli
