#include "tunescope/sweep/sweep.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "parallel_job.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/progress.hpp"
#include "tunescope/device/device.hpp"
#include "tunescope/sweep/core_split.hpp"
#include "tunescope/sweep/fisher_sources.hpp"
#include "tunescope/sweep/folder_lock.hpp"
#include "warnings.hpp"

namespace tunescope::cli {
namespace {

constexpr double kNotedGain = 1.05;

// The trials to run, longest expected first, the same on every rank.
Order agree_on_order(const Communicator& world, const std::vector<PlannedTrial>& trials) {
  Order order;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (!is_finished(trials[i])) order.push_back(i);
  }
  sort_longest_first(order, trials);
  return agree(world, order);
}

void print_start(const Communicator& world, const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                 const Order& order, const WorkerOptions& worker) {
  print_warnings(trials);
  const CoreSplit split{.ranks = world.size(), .threads = worker.threads};
  fmt::print("{}: {} trials, {} already there, {} to run on {} ({}; built for {}; found {})\n", spec.name,
             trials.size(), trials.size() - order.size(), order.size(), split.text(), worker.device.str(),
             compiled_backends(), Machine().text());
  if (world.size() == worker.node_ranks && worker.device.is_cpu() && !worker.threads_are_given) {
    const SplitWork work = split_work(trials, available_memory(worker.device));
    const CoreSplit best = best_core_split(work, worker.node_cores);
    const double gain = expected_time(work, split) / expected_time(work, best);
    if (gain > kNotedGain) fmt::print("note: {} would be about {:.1f} times as fast here\n", best.text(), gain);
  }
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
  merge_and_warn(spec, trials, job_fisher_ids(spec, hashes), &context.inputs, hashes, is_complete(trials));
  std::size_t bad = 0;
  for (const PlannedTrial& planned : trials) bad += planned.state == StoredState::kDone ? 0 : 1;
  fmt::print("{} of {} trials done{} in {}\nresults: {}\n", trials.size() - bad, trials.size(),
             bad > 0 ? fmt::format(", {} failed or diverged (tunescope status tells why)", bad) : "",
             readable_duration(seconds), spec.results_file().string());
  return bad == 0 ? kAllDone : kSomeFailed;
}

// Of sweeps that share a folder one at a time computes the Fisher information, and the others find it. Collective.
void run_fisher_stage_in_turn(const RankContext& context, Job& job) {
  const bool is_first = context.world.rank() == 0;
  const ResultPaths paths(context.spec);
  for (;;) {
    const std::optional<Claim> turn = is_first ? Claim::try_fisher_stage(paths.lock) : std::nullopt;
    if (context.world.broadcast_integer(turn.has_value()) != 0) {
      run_fisher_stage(context, job);
      return;
    }
    if (agree_on_stop(context.world, context.stop)) return;
    if (is_first) std::this_thread::sleep_for(kClaimPoll);
  }
}

// Of the trials that other sweeps have taken: those that one has left unfinished. Finished ones leave the list.
Order abandoned_trials(const ResultPaths& paths, std::vector<PlannedTrial>& trials, Order& elsewhere) {
  Order abandoned;
  std::erase_if(elsewhere, [&](std::size_t trial) {
    const bool is_taken = Claim::is_trial_taken(paths.lock, trials[trial].id);  // asked before its file is looked for
    find_stored_trial(paths, trials[trial]);
    if (is_taken || is_finished(trials[trial])) return !is_taken;
    abandoned.push_back(trial);
    return true;
  });
  sort_longest_first(abandoned, trials);
  return abandoned;
}

// Waits for trials that other sweeps have taken. Returns those that one has left unfinished; where there are none, all
// are done or this sweep stops, with some left in the list. Collective.
Order wait_for_others(const RankContext& context, std::vector<PlannedTrial>& trials, Order& elsewhere) {
  const ResultPaths paths(context.spec);
  const bool is_first = context.world.rank() == 0;
  for (bool is_waiting = false;;) {
    const Order abandoned = agree(context.world, is_first ? abandoned_trials(paths, trials, elsewhere) : Order{});
    const bool is_over = context.world.broadcast_integer(elsewhere.empty()) != 0;
    if (!abandoned.empty() || is_over || agree_on_stop(context.world, context.stop)) return abandoned;
    if (!is_first) continue;
    if (!std::exchange(is_waiting, true)) {
      fmt::print("waiting for {} trials that another sweep is training\n", elsewhere.size());
      std::fflush(stdout);
    }
    std::this_thread::sleep_for(kClaimPoll);
  }
}

// Takes out of the list what has to wait for pending Fisher runs.
Order take_waiting(Order& order, const std::vector<PlannedTrial>& trials, const std::vector<PlannedFisher>& runs) {
  const auto has_to_wait = [&](std::size_t trial) { return chooses_by_pending(trials[trial].trial, runs); };
  Order waiting;
  std::ranges::copy_if(order, std::back_inserter(waiting), has_to_wait);
  std::erase_if(order, has_to_wait);
  return waiting;
}

// Trains what is missing, and what other sweeps on this folder have taken and not finished; ends when all of it is
// done, here or there. Trials that need no Fisher information come before it is computed, so that the trainings that
// it measures leave no rank without work. Returns, on rank 0, whether it was stopped before. Collective.
bool train_all(const RankContext& context, std::vector<PlannedTrial>& trials, Order order, Job& job) {
  const ResultPaths paths(context.spec);
  const auto is_done = [&](std::size_t trial) {
    find_stored_trial(paths, trials[trial]);
    return is_finished(trials[trial]);
  };
  const auto start = [&](std::size_t trial, const ProgressReport& report) {
    return start_trial(context, paths, trials[trial], job.fisher, report);
  };
  Order elsewhere;
  const auto train = [&](const Order& part) {
    const TrialsEnd end = run_and_show_trials(context, trials, part, {.start = start, .is_done = is_done});
    for (const std::size_t trial : end.recorded) wait_for_weights(context.spec, trials[trial], job.fisher);
    elsewhere.insert(elsewhere.end(), end.elsewhere.begin(), end.elsewhere.end());
    return !end.is_stopped;
  };
  if (find_pending_fisher(context, job.fisher)) {
    const Order waiting = take_waiting(order, trials, job.fisher);
    if (!train(order)) return true;
    run_fisher_stage_in_turn(context, job);
    order = waiting;
  }
  do {
    if (!train(order)) return true;
    order = wait_for_others(context, trials, elsewhere);
  } while (!order.empty());
  return !elsewhere.empty();
}

}  // namespace

ExitStatus sweep(int argc, char** argv) {
  const auto run = [](const RankContext& context, Job& job) {
    const auto begin = std::chrono::steady_clock::now();
    const SweepSpec& spec = context.spec;
    const InputHashes& hashes = job.hashes;
    const bool is_first = context.world.rank() == 0;
    std::vector<PlannedTrial> trials = plan_trials(spec, hashes, context.inputs);
    if (is_first) find_stored_trials(spec, trials);
    const Order order = agree_on_order(context.world, trials);
    if (is_first) print_start(context.world, spec, trials, order, context.worker);
    const bool is_stopped = train_all(context, trials, order, job);
    if (!is_first) return kAllDone;
    if (is_stopped && !is_complete(stored_trials(spec, hashes))) {
      print_stopped_early(spec);
      return kStoppedEarly;
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    return finish(context, hashes, elapsed.count());
  };
  return run_parallel(argc, argv, {.fisher_runs = needed_fisher_runs, .run = run});
}

}  // namespace tunescope::cli
