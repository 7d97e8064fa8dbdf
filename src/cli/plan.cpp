#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "tunescope/cli/commands.hpp"
#include "tunescope/error.hpp"
#include "tunescope/sweep/fisher_stage.hpp"
#include "tunescope/sweep/inputs.hpp"
#include "tunescope/sweep/sweep.hpp"

namespace tunescope::cli {
namespace {

struct Counts {
  std::size_t total = 0, done = 0, diverged = 0, failed = 0, missing = 0;

  void add(StoredState state) {
    ++total;
    switch (state) {
      case StoredState::kDone:
        ++done;
        return;
      case StoredState::kDiverged:
        ++diverged;
        return;
      case StoredState::kFailed:
        ++failed;
        return;
      case StoredState::kMissing:
        ++missing;
        return;
    }
  }
};

void print_warning(const std::string& message) { fmt::print(stderr, "warning: {}\n", message); }

void print_warnings(const std::vector<PlannedTrial>& trials) {
  for (const PlannedTrial& planned : trials) {
    if (!planned.warning.empty()) print_warning(planned.warning);
  }
}

std::string readable_flops(double flops) {
  if (flops >= 1e15) return fmt::format("{:.1f} PFLOP", flops / 1e15);
  if (flops >= 1e11) return fmt::format("{:.1f} TFLOP", flops / 1e12);
  return fmt::format("{:.1f} GFLOP", flops / 1e9);
}

// One line a task and method; trials are in this order already.
void print_table(const SweepSpec& spec, const std::vector<PlannedTrial>& trials, SweepInputs& inputs) {
  std::size_t width = 0;
  for (const Method& method : spec.methods) width = std::max(width, method.text().size());
  fmt::print("{:<6} {:<{}} {:>7} {:>6} {:>9} {:>7} {:>8} {:>12} {:>14}\n", "task", "method", width, "trials", "done",
             "diverged", "failed", "missing", "trainable", "work a trial");
  for (const std::string& task : spec.tasks) {
    const ParameterCatalogue& catalogue = inputs.catalogue(find_task(task));
    for (const Method& method : spec.methods) {
      Counts counts;
      double flops = 0.0;
      for (const PlannedTrial& planned : trials) {
        if (planned.trial.task != task || planned.trial.method.text() != method.text()) continue;
        counts.add(planned.state);
        flops = planned.flops;
      }
      const std::int64_t trainable = trainable_count(sketch_selection(method, catalogue), catalogue);
      fmt::print("{:<6} {:<{}} {:>7} {:>6} {:>9} {:>7} {:>8} {:>12} {:>14}\n", task, method.text(), width, counts.total,
                 counts.done, counts.diverged, counts.failed, counts.missing, trainable, readable_flops(flops));
    }
  }
}

Counts count(const std::vector<PlannedTrial>& trials) {
  Counts counts;
  for (const PlannedTrial& planned : trials) counts.add(planned.state);
  return counts;
}

}  // namespace

SweepSpec read_only_job(const CommandLine& line) {
  if (line.arguments.size() != 1) {
    throw ConfigError(fmt::format("tunescope {0} takes one job file, found {1}; see tunescope {0} --help", line.command,
                                  line.arguments.size()));
  }
  return read_job(line.arguments.front(), line.overrides);
}

ExitStatus plan(const CommandLine& line) {
  const SweepSpec spec = read_only_job(line);
  SweepInputs inputs(spec, print_warning);
  const InputHashes hashes = inputs.load_and_hash();
  std::vector<PlannedFisher> fisher = plan_fisher(spec, needed_fisher_runs(spec, hashes), inputs);
  find_stored_fisher(spec, fisher);
  std::vector<PlannedTrial> trials = plan_trials(spec, hashes, inputs);
  find_stored_trials(spec, trials);
  print_warnings(trials);
  print_table(spec, trials, inputs);
  const Counts counts = count(trials);
  double flops = 0.0;
  for (const PlannedTrial& planned : trials) {
    flops += planned.state == StoredState::kMissing || planned.state == StoredState::kFailed ? planned.flops : 0.0;
  }
  const ParameterCatalogue& catalogue = inputs.catalogue(find_task(spec.tasks.front()));
  fmt::print("\n{}: {} trials, {} to run ({} of matrix products); the model has {} parameters and a head\n", spec.name,
             counts.total, counts.missing + counts.failed, readable_flops(flops), catalogue.backbone_size());
  if (!fisher.empty()) {
    const auto done = std::count_if(fisher.begin(), fisher.end(), [](const PlannedFisher& run) { return run.is_done; });
    fmt::print("Fisher runs that methods choose by: {}, {} to compute first\n", fisher.size(),
               static_cast<std::ptrdiff_t>(fisher.size()) - done);
  }
  fmt::print("results: {}\n", spec.results_file().string());
  return kAllDone;
}

ExitStatus status(const CommandLine& line) {
  const SweepSpec spec = read_only_job(line);
  SweepInputs inputs(spec, print_warning);
  const std::vector<PlannedTrial> trials = stored_trials(spec, inputs.load_and_hash());
  print_warnings(trials);
  const Counts counts = count(trials);
  fmt::print("{}: {} trials: {} done, {} diverged, {} failed, {} missing\n", spec.name, counts.total, counts.done,
             counts.diverged, counts.failed, counts.missing);
  for (const PlannedTrial& planned : trials) {
    if (planned.error.empty()) continue;
    fmt::print("{} {} {} lr {} seed {}: {}: {}\n", planned.id, planned.trial.task, planned.trial.method.text(),
               planned.trial.learning_rate, planned.trial.seed,
               planned.state == StoredState::kFailed ? "failed" : "diverged", planned.error);
  }
  return kAllDone;
}

ExitStatus merge(const CommandLine& line) {
  const SweepSpec spec = read_only_job(line);
  SweepInputs inputs(spec, print_warning);
  const InputHashes hashes = inputs.load_and_hash();
  const std::vector<PlannedTrial> trials = stored_trials(spec, hashes);
  print_warnings(trials);
  prepare_results_folder(ResultPaths(spec));
  merge_results(spec, trials, job_fisher_ids(spec, hashes), inputs, hashes, is_complete(trials));
  const Counts counts = count(trials);
  fmt::print("{}: {} of {} trials{}\n", spec.results_file().string(), counts.total - counts.missing, counts.total,
             is_complete(trials) ? "" : "; not complete");
  return kAllDone;
}

}  // namespace tunescope::cli
