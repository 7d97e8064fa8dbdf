#include <ATen/Parallel.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>
#include <set>

#include "known_inputs.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/progress.hpp"
#include "tunescope/device/device.hpp"
#include "tunescope/error.hpp"
#include "tunescope/sweep/core_split.hpp"
#include "tunescope/sweep/fisher_stage.hpp"
#include "tunescope/sweep/folder_lock.hpp"
#include "tunescope/sweep/inputs.hpp"
#include "tunescope/sweep/lanes.hpp"
#include "tunescope/sweep/running.hpp"
#include "tunescope/sweep/simulation.hpp"
#include "tunescope/sweep/sweep.hpp"
#include "warnings.hpp"

namespace tunescope::cli {
namespace {

struct Counts {
  std::size_t total = 0, done = 0, diverged = 0, failed = 0, missing = 0;
  std::size_t partial = 0;  ///< of those missing: saved on their way

  void add(const PlannedTrial& planned) {
    ++total;
    partial += planned.has_checkpoint && planned.state == StoredState::kMissing ? 1 : 0;
    switch (planned.state) {
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

std::string readable_flops(double flops) {
  if (flops >= 1e18) return fmt::format("{:.1f} EFLOP", flops / 1e18);
  if (flops >= 1e15) return fmt::format("{:.1f} PFLOP", flops / 1e15);
  if (flops >= 1e11) return fmt::format("{:.1f} TFLOP", flops / 1e12);
  return fmt::format("{:.1f} GFLOP", flops / 1e9);
}

std::string readable_bytes(double bytes) { return fmt::format("{:.1f} GB", bytes / 1e9); }

std::string device_hours(double seconds) { return fmt::format("{:.{}f}", seconds / 3600.0, seconds < 36000.0 ? 2 : 0); }

// From the finished trials of the job or, where that is asked for, the first steps of one trial of each task and method
// on this machine.
CostModel build_cost_model(const SweepSpec& spec, const std::vector<PlannedTrial>& trials, SweepInputs& inputs,
                           bool wants_calibration) {
  CostModel model;
  if (!wants_calibration) {
    for (const PlannedTrial& planned : trials) {
      if (planned.state == StoredState::kDone) model.add(planned.trial, planned.flops, planned.seconds);
    }
    return model;
  }
  at::set_num_threads(choose_threads(spec.threads, available_cores(), available_cores()).count);
  inputs.move_model_to(choose_device(spec.device, 0));
  if (spec.train.precision == Precision::kBfloat16 && inputs.gains_by_rounding()) inputs.round_matrices();
  std::set<std::pair<std::string, std::string>> measured;
  for (const PlannedTrial& planned : trials) {
    if (!measured.emplace(planned.trial.task, planned.trial.method.text()).second) continue;
    fmt::print(stderr, "measuring {} {}\n", planned.trial.task, planned.trial.method.text());
    const Measurement measurement = measure_first_steps(planned.trial, inputs);
    model.add(planned.trial, measurement.flops, measurement.seconds);
  }
  return model;
}

// What was recognised in the model's folder: one line, and one for each thing that is not ordinary.
void print_model(const SweepInputs& inputs) {
  const BertConfig& config = inputs.model().config;
  const WordPieceOptions& options = inputs.tokenizer().options();
  fmt::print("model: BERT, {} layers, hidden {}, {} heads, {} positions; tokenizer: WordPiece, {} tokens, {}\n",
             config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.max_position_embeddings,
             inputs.tokenizer().vocabulary_size(), options.lowercase ? "lower-cased" : "cased");
  for (const std::string& note : inputs.notes().notes) fmt::print("  {}\n", note);
}

// One line a task and method; trials are in this order already.
void print_table(const SweepSpec& spec, const std::vector<PlannedTrial>& trials, SweepInputs& inputs,
                 const CostModel& costs) {
  constexpr std::string_view kRow = "{:<6} {:<{}} {:>7} {:>6} {:>9} {:>7} {:>8} {:>12} {:>14} {:>8} {:>13} {:>13}\n";
  std::size_t width = 0;
  for (const Method& method : spec.methods) width = std::max(width, method.text().size());
  fmt::print(fmt::runtime(kRow), "task", "method", width, "trials", "done", "diverged", "failed", "missing",
             "trainable", "work a trial", "memory", "time a trial", "device-hours");
  for (const std::string& task : spec.tasks) {
    const TaskData& data = inputs.task(task);
    const ParameterCatalogue& catalogue = inputs.catalogue(*data.task);
    for (const Method& method : spec.methods) {
      Counts counts;
      const PlannedTrial* any = nullptr;
      for (const PlannedTrial& planned : trials) {
        if (planned.trial.task != task || planned.trial.method.text() != method.text()) continue;
        counts.add(planned);
        any = &planned;
      }
      const std::int64_t trainable = trainable_count(sketch_selection(method, catalogue), catalogue);
      const double bytes = expected_bytes(any->trial, inputs.model().config, catalogue, data);
      const std::optional<double> seconds = costs.seconds(any->trial, any->flops);
      const auto pending = static_cast<double>(counts.missing + counts.failed);
      fmt::print(fmt::runtime(kRow), task, method.text(), width, counts.total, counts.done, counts.diverged,
                 counts.failed, counts.missing, trainable, readable_flops(any->flops), readable_bytes(bytes),
                 seconds ? readable_duration(*seconds) : "?", seconds ? device_hours(pending * *seconds) : "?");
    }
  }
}

void print_simulation(const SweepSpec& spec, const SweepWork& work, bool is_measured, std::int64_t devices) {
  const auto lanes = spec.lanes > 0 ? static_cast<std::size_t>(spec.lanes) : kMostLanes;
  const Simulation simulation = simulate_sweep(work, static_cast<std::size_t>(devices), lanes);
  const double excess = simulation.lower_bound > 0.0 ? simulation.makespan / simulation.lower_bound - 1.0 : 0.0;
  fmt::print("on {} device{}{}: {}, {:.1f} % above the lower bound of {}\n", devices, devices == 1 ? "" : "s",
             lanes == 1 ? "" : fmt::format(" with up to {} trials at once on each", lanes),
             readable_duration(simulation.makespan), 100.0 * std::max(excess, 0.0),
             readable_duration(simulation.lower_bound));
  if (!work.fisher_runs.empty()) {
    fmt::print("in this order: {} trials{}, {} Fisher runs, {} trials that choose by them\n", work.trials.size(),
               work.sources.empty() ? "" : fmt::format(", {} trainings that Fisher runs measure", work.sources.size()),
               work.fisher_runs.size(), work.waiting.size());
  }
  if (!is_measured) {
    fmt::print("a device is taken for {:.0f} TFLOP/s; --calibrate measures this one\n", kAssumedFlopsASecond / 1e12);
  }
}

// How to start the sweep on this machine.
void print_best_split(const SweepSpec& spec, const std::vector<PlannedTrial>& trials) {
  const Machine machine;
  if (spec.device == DeviceKind::kCuda && machine.cuda.count == 0) return;  // a login node
  at::Device device = at::kCPU;
  try {
    device = choose_device(spec.device, 0, machine);
  } catch (const DeviceError& error) {
    print_warning(std::string("a sweep would end here: ") + error.what());
    return;
  }
  if (device.is_cuda()) {
    fmt::print("best here: mpirun -n {}, a rank for each GPU\n", machine.cuda.count);
    return;
  }
  const CoreSplit best = best_core_split(split_work(trials, available_memory(device)), available_cores());
  fmt::print("best here: mpirun -n {}, {}\n", best.ranks, best.text());
}

Counts count(const std::vector<PlannedTrial>& trials) {
  Counts counts;
  for (const PlannedTrial& planned : trials) counts.add(planned);
  return counts;
}

std::string describe(const Trial& trial) {
  return fmt::format("{} {} lr {} seed {}", trial.task, trial.method.text(), trial.learning_rate, trial.seed);
}

// What the sweeps on this folder are at work on, where there are any.
void print_running(const ResultPaths& paths, const std::vector<PlannedTrial>& trials) {
  if (!FolderLock::is_held(paths.lock)) return;
  fmt::print("a sweep is at work here\n");
  for (const RunningTrial& running : read_running(paths.running)) {
    if (!Claim::is_trial_taken(paths.lock, running.id)) continue;  // of a sweep that was killed
    const auto planned = std::find_if(trials.begin(), trials.end(), [&](const auto& t) { return t.id == running.id; });
    const std::int64_t steps_here = running.step - running.first_step;
    const double left = steps_here > 0 ? running.seconds * static_cast<double>(running.steps - running.step) /
                                             static_cast<double>(steps_here)
                                       : 0.0;
    fmt::print("rank {}: {} {}, step {} of {}{}\n", running.rank, running.id,
               planned == trials.end() ? "(training for a Fisher run)" : describe(planned->trial), running.step,
               running.steps, steps_here > 0 ? ", " + readable_duration(left) + " to go" : "");
  }
}

}  // namespace

SweepSpec read_only_job(const CommandLine& line) {
  if (line.arguments.size() != 1) {
    throw ConfigError(fmt::format("tunescope {0} takes one job file, found {1}; see tunescope {0} --help", line.command,
                                  line.arguments.size()));
  }
  SweepSpec spec = read_job(line.arguments.front(), line.overrides);
  if (line.wants_share) spec.folder_use = FolderUse::kShared;
  return spec;
}

ExitStatus plan(const CommandLine& line) {
  const SweepSpec spec = read_only_job(line);
  SweepInputs inputs(spec, print_warning);
  const InputHashes hashes = inputs.load_and_hash();
  std::vector<PlannedFisher> fisher = plan_fisher(spec, needed_fisher_runs(spec, hashes), inputs);
  find_stored_fisher(spec, fisher);
  print_warnings(fisher);
  std::vector<PlannedTrial> trials = plan_trials(spec, hashes, inputs);
  find_stored_trials(spec, trials);
  print_warnings(trials);
  const CostModel costs = build_cost_model(spec, trials, inputs, line.wants_calibration);
  print_model(inputs);
  print_table(spec, trials, inputs, costs);
  const Counts counts = count(trials);
  double flops = 0.0;
  double seconds = 0.0;
  for (const PlannedTrial& planned : trials) {
    if (is_finished(planned)) continue;
    flops += planned.flops;
    seconds += costs.seconds(planned.trial, planned.flops).value_or(0.0);
  }
  const ParameterCatalogue& catalogue = inputs.catalogue(find_task(spec.tasks.front()));
  fmt::print("\n{}: {} trials, {} to run ({} of matrix products{}); the model has {} parameters and a head\n",
             spec.name, counts.total, counts.missing + counts.failed, readable_flops(flops),
             seconds > 0.0 ? ", " + device_hours(seconds) + " device-hours" : "", catalogue.backbone_size());
  if (!fisher.empty()) {
    const auto done = std::count_if(fisher.begin(), fisher.end(), [](const PlannedFisher& run) { return run.is_done; });
    fmt::print("Fisher runs that methods choose by: {}, {} to compute\n", fisher.size(),
               static_cast<std::ptrdiff_t>(fisher.size()) - done);
  }
  if (costs.is_empty() && line.simulated_devices == 0) {
    fmt::print("times are known once trials are done; --calibrate measures their first steps here\n");
  }
  if (line.simulated_devices > 0) {
    print_simulation(spec, work_to_do(spec, fisher, trials, inputs, costs), !costs.is_empty(), line.simulated_devices);
  }
  if (counts.missing + counts.failed > 0) print_best_split(spec, trials);
  fmt::print("results: {}\n", spec.results_file().string());
  return kAllDone;
}

ExitStatus status(const CommandLine& line) {
  const SweepSpec spec = read_only_job(line);
  const std::vector<PlannedTrial> trials = stored_trials(spec, know_inputs(spec).hashes);
  print_warnings(trials);
  const Counts counts = count(trials);
  fmt::print("{}: {} trials: {} done, {} diverged, {} failed, {} missing ({} of them partly done and saved)\n",
             spec.name, counts.total, counts.done, counts.diverged, counts.failed, counts.missing, counts.partial);
  print_running(ResultPaths(spec), trials);
  for (const PlannedTrial& planned : trials) {
    if (planned.error.empty()) continue;
    fmt::print("{} {}: {}: {}\n", planned.id, describe(planned.trial),
               planned.state == StoredState::kFailed ? "failed" : "diverged", planned.error);
  }
  return kAllDone;
}

}  // namespace tunescope::cli
