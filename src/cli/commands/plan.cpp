#include <ATen/Parallel.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/display/trial_counts.hpp"
#include "cli/display/warnings.hpp"
#include "cli/single_job.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/display/progress.hpp"
#include "tunescope/device/device.hpp"
#include "tunescope/plan/calibration.hpp"
#include "tunescope/plan/core_split.hpp"
#include "tunescope/plan/inputs.hpp"
#include "tunescope/plan/job_device.hpp"
#include "tunescope/run/co_training_size.hpp"
#include "tunescope/schedule/simulation.hpp"
#include "tunescope/storage/screening.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope::cli {
namespace {

std::string readable_flops(double flops) {
  if (flops >= 1e18) return fmt::format("{:.1f} EFLOP", flops / 1e18);
  if (flops >= 1e15) return fmt::format("{:.1f} PFLOP", flops / 1e15);
  if (flops >= 1e11) return fmt::format("{:.1f} TFLOP", flops / 1e12);
  return fmt::format("{:.1f} GFLOP", flops / 1e9);
}

std::string readable_bytes(double bytes) { return fmt::format("{:.1f} GB", bytes / 1e9); }

std::string device_hours(double seconds) { return fmt::format("{:.{}f}", seconds / 3600.0, seconds < 36000.0 ? 2 : 0); }

// From the finished trials of the job.
CostModel costs_of_finished(const std::vector<PlannedTrial>& trials) {
  CostModel costs;
  for (const PlannedTrial& planned : trials) {
    if (planned.stored.end == TrialEnd::kDone) {
      costs.add(planned.trial, {.flops = planned.flops, .seconds = planned.stored.seconds});
    }
  }
  return costs;
}

// From the first steps of one trial of each task and method, and the first examples of one Fisher run of each task, on
// this machine.
CostModel calibrated_costs(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                           const std::vector<PlannedFisher>& fisher_runs, SweepInputs& inputs) {
  const Stages stages = fisher_runs.empty() ? Stages::kTraining : Stages::kTrainingAndFisher;
  at::set_num_threads(choose_threads(spec.threads, available_cores(), available_cores()).count);
  inputs.move_model_to(job_device(spec, 0, stages));
  const bool wants_bfloat16 = spec.train.precision == Precision::kBfloat16 ||
                              (stages == Stages::kTrainingAndFisher && spec.fisher.precision == Precision::kBfloat16);
  if (wants_bfloat16 && inputs.is_bfloat16_faster()) inputs.cast_to_bfloat16();
  CostModel costs;
  std::set<std::pair<std::string, std::string>> measured;
  const auto is_first = [&](const std::string& task, const std::string& what) {
    const bool is_new = measured.emplace(task, what).second;
    if (is_new) fmt::print(stderr, "measuring {} {}\n", task, what);
    return is_new;
  };
  for (const PlannedTrial& planned : trials) {
    if (!is_first(planned.trial.task, planned.trial.method.text())) continue;
    costs.add(planned.trial, measure_first_steps(planned.trial, inputs));
  }
  for (const PlannedFisher& planned : fisher_runs) {
    if (!is_first(planned.run.training.task, "Fisher information")) continue;
    costs.add(planned.run, measure_first_examples(planned.run, inputs));
  }
  return costs;
}

// What was recognized in the model's folder: one line, and one for each thing that is not ordinary.
void print_model(const SweepInputs& inputs) {
  const Network& network = *inputs.model().network;
  const NetworkLimits& limits = network.limits();
  fmt::print("model: {}, {} layers, hidden {}, {} heads, {} positions; tokenizer: {}\n", network.architecture(),
             limits.layers, limits.hidden_size, limits.attention_heads, limits.positions, inputs.tokenizer().summary());
  for (const std::string& note : inputs.notes().notes) fmt::print("  {}\n", note);
}

// What a rank takes besides its trials, if any of them leaves matrices frozen. Nothing on a GPU.
double packed_bytes(const SweepSpec& spec, const std::vector<PlannedTrial>& trials, const SweepInputs& inputs) {
  const bool is_needed =
      std::ranges::any_of(trials, [](const PlannedTrial& planned) { return planned.group.has_value(); });
  return is_needed && Machine::look_for(spec.device).cuda.count == 0 ? inputs.packed_bytes() : 0.0;
}

// One line a task and method; trials are in this order already.
void print_table(const SweepSpec& spec, const std::vector<PlannedTrial>& trials, SweepInputs& inputs,
                 const CostModel& costs, double rank_bytes) {
  constexpr std::string_view kRow = "{:<6} {:<{}} {:>7} {:>6} {:>9} {:>7} {:>8} {:>12} {:>14} {:>8} {:>13} {:>13}\n";
  std::size_t width = 0;
  for (const Method& method : spec.methods) width = std::max(width, method.text().size());
  fmt::print(fmt::runtime(kRow), "task", "method", width, "trials", "done", "diverged", "failed", "missing",
             "trainable", "work/trial", "memory", "time/trial", "device-hours");
  for (const std::string& task : spec.tasks) {
    const TaskData& data = inputs.task(task);
    const ParameterCatalogue& catalogue = inputs.catalogue(*data.task);
    for (const Method& method : spec.methods) {
      TrialCounts counts;
      const PlannedTrial* any = nullptr;
      for (const PlannedTrial& planned : trials) {
        if (planned.trial.task != task || planned.trial.method.text() != method.text()) continue;
        counts.add(planned.stored);
        any = &planned;
      }
      const std::int64_t trainable = trainable_count(method, catalogue);
      const double bytes = rank_bytes + inputs.pass_costs().model_bytes(data.task->output_size()) + any->added_bytes;
      const std::optional<double> seconds = costs.seconds(any->trial, any->flops);
      const auto pending = static_cast<double>(counts.to_run());
      fmt::print(fmt::runtime(kRow), task, method.text(), width, counts.total, counts.done, counts.diverged,
                 counts.failed, counts.missing, trainable, readable_flops(any->flops), readable_bytes(bytes),
                 seconds ? readable_duration(*seconds) : "?", seconds ? device_hours(pending * *seconds) : "?");
    }
  }
}

void print_fisher(const std::vector<PlannedFisher>& runs, SweepInputs& inputs, const CostModel& costs) {
  const std::vector<PlannedFisher> pending = pending_of(runs);
  double seconds = 0.0;
  for (const PlannedFisher& planned : pending) {
    const TaskData& data = inputs.task(planned.run.training.task);
    const double flops = expected_flops(planned.run, inputs.pass_costs(), data);
    seconds += costs.seconds(planned.run, flops).value_or(0.0);
  }
  fmt::print("Fisher runs that methods choose by: {}, {} to compute{}\n", runs.size(), pending.size(),
             seconds > 0.0 ? fmt::format(" ({} device-hours)", device_hours(seconds)) : "");
}

// What is done one after another, if there is more than one thing.
void print_stages(const SimulatedSweep& sweep) {
  const SweepPlan& plan = sweep.plan;
  const auto extra =
      std::ranges::count_if(sweep.times.measured_trainings, [](const auto& time) { return time.has_value(); });
  std::vector<std::string> stages{fmt::format("{} trials", plan.independent.size())};
  if (extra > 0) stages.push_back(fmt::format("{} trainings that Fisher runs measure", extra));
  if (!plan.fisher_runs.empty()) {
    stages.push_back(fmt::format("{} Fisher runs", plan.fisher_runs.size()));
    stages.push_back(fmt::format("{} trials that choose by them", plan.dependent.size()));
  }
  if (!plan.stand_ins.empty()) {
    stages.push_back(fmt::format("{} trials of the learning rates that these choose", plan.stand_ins.size()));
  }
  if (stages.size() > 1) fmt::print("in this order: {}\n", fmt::join(stages, ", "));
}

void print_simulation(const SimulatedSweep& sweep, const SweepSpec& spec, std::int64_t devices) {
  const auto at_once = spec.lanes > 0 ? static_cast<std::size_t>(spec.lanes) : kMaxCoTrained;
  const Simulation simulation = simulate_sweep(sweep, static_cast<std::size_t>(devices), at_once);
  const double excess = simulation.lower_bound > 0.0 ? simulation.makespan / simulation.lower_bound - 1.0 : 0.0;
  fmt::print("on {} device{}{}: {}, {:.1f} % above the lower bound of {}\n", devices, devices == 1 ? "" : "s",
             at_once == 1 ? "" : fmt::format(" with up to {} trials at once on each", at_once),
             readable_duration(simulation.makespan), 100.0 * std::max(excess, 0.0),
             readable_duration(simulation.lower_bound));
  print_stages(sweep);
}

// How many trials are trained with screening, and without.
void print_screening(const SweepSpec& spec, std::size_t trials, std::size_t grid) {
  fmt::print(
      "screening: all learning rates with {} of {} seeds, then {} of each task and method with the others: {} "
      "trials in place of {}\n",
      spec.screening.seeds, spec.seeds.size(), spec.screening.keep, trials, grid);
}

// How to start the sweep on this machine.
void print_best_split(const SweepSpec& spec, Stages stages, const std::vector<PlannedTrial>& trials,
                      double rank_bytes) {
  const Machine machine = Machine::look_for(spec.device);
  if (spec.device == DeviceKind::kCuda && machine.cuda.count == 0 && !machine.has_driver) return;  // a login node
  at::Device device = at::kCPU;
  try {
    device = job_device(spec, 0, stages);
  } catch (const DeviceError& error) {
    print_warning(std::string("a sweep would end here: ") + error.what());
    return;
  }
  if (device.is_cuda()) {
    fmt::print("best here: mpirun -n {}, one rank per GPU\n", machine.cuda.count);
    return;
  }
  const CoreSplit best = best_core_split(split_work(trials, available_memory(device), rank_bytes), available_cores());
  fmt::print("best here: mpirun -n {}, {}\n", best.ranks, best.text());
}

}  // namespace

ExitStatus plan(const CommandLine& line) {
  const SweepSpec spec = parse_single_job(line);
  SweepInputs inputs(spec, print_warning);
  const InputHashes hashes = inputs.load_and_hash();
  std::vector<PlannedFisher> fisher = plan_fisher(spec, needed_fisher_runs(spec, hashes), inputs);
  load_status_and_link(spec, fisher);
  print_warnings(fisher);
  std::vector<PlannedTrial> grid = plan_trials(spec, hashes, inputs);
  const std::size_t grid_size = grid.size();
  std::vector<PlannedTrial> trials = after_screening(spec, std::move(grid));
  load_status_and_link(spec, trials);
  print_warnings(trials);
  const CostModel costs =
      line.wants_calibration ? calibrated_costs(spec, trials, pending_of(fisher), inputs) : costs_of_finished(trials);
  print_model(inputs);
  const double rank_bytes = packed_bytes(spec, trials, inputs);
  print_table(spec, trials, inputs, costs, rank_bytes);
  const TrialCounts counts = count(trials);
  double flops = 0.0;
  double seconds = 0.0;
  for (const PlannedTrial& planned : trials) {
    if (planned.is_finished()) continue;
    flops += planned.flops;
    seconds += costs.seconds(planned.trial, planned.flops).value_or(0.0);
  }
  const ParameterCatalogue& catalogue = inputs.catalogue(find_task(spec.tasks.front()));
  fmt::print("\n{}: {} trials, {} to run ({} of matrix products{}); the model has {} parameters and a head\n",
             spec.name, counts.total, counts.to_run(), readable_flops(flops),
             seconds > 0.0 ? ", " + device_hours(seconds) + " device-hours" : "", catalogue.backbone_size());
  if (spec.screening.is_on()) print_screening(spec, trials.size(), grid_size);
  if (!fisher.empty()) print_fisher(fisher, inputs, costs);
  if (costs.is_empty() && line.simulated_devices == 0) {
    fmt::print("times are known once trials are done; --calibrate measures their first steps on this machine\n");
  }
  if (line.simulated_devices > 0) {
    const SweepPlan plan = plan_sweep(trials, fisher, inputs);
    const PlanTimes times = expected_times(spec, plan, trials, inputs, costs);
    print_simulation({.plan = plan, .trials = trials, .times = times}, spec, line.simulated_devices);
    if (costs.is_empty()) {
      fmt::print("assuming {:.0f} TFLOP/s per device; --calibrate measures this machine\n",
                 kAssumedFlopPerSecond / 1e12);
    }
  }
  if (counts.to_run() > 0) {
    print_best_split(spec, fisher.empty() ? Stages::kTraining : Stages::kTrainingAndFisher, trials, rank_bytes);
  }
  fmt::print("results: {}\n", spec.results_file().string());
  return kAllDone;
}

}  // namespace tunescope::cli
