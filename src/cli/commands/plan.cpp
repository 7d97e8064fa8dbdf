#include <ATen/Parallel.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/display/warnings.hpp"
#include "cli/reports/job_plan.hpp"
#include "cli/single_job.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/device/device.hpp"
#include "tunescope/plan/calibration.hpp"
#include "tunescope/plan/core_split.hpp"
#include "tunescope/plan/inputs.hpp"
#include "tunescope/plan/job_device.hpp"
#include "tunescope/run/ablation/ablation_groups.hpp"
#include "tunescope/run/co_training_size.hpp"
#include "tunescope/schedule/simulation.hpp"
#include "tunescope/storage/screening.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope::cli {
namespace {

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

PlannedModel planned_model(const SweepSpec& spec, SweepInputs& inputs) {
  const Network& network = *inputs.model().network;
  return {.architecture = network.architecture(),
          .limits = network.limits(),
          .parameters = inputs.catalogue(spec.find_task(spec.tasks.front())).backbone_size(),
          .tokenizer = inputs.tokenizer().summary(),
          .notes = inputs.notes().notes};
}

// What a rank takes besides its trials, if any of them leaves matrices frozen. Nothing on a GPU.
double packed_bytes(const SweepSpec& spec, const std::vector<PlannedTrial>& trials, const SweepInputs& inputs) {
  const bool is_needed =
      std::ranges::any_of(trials, [](const PlannedTrial& planned) { return planned.group.has_value(); });
  return is_needed && Machine::look_for(spec.device).cuda.count == 0 ? inputs.packed_bytes() : 0.0;
}

// One for each task and method; trials are in this order already.
std::vector<PlannedMethod> planned_methods(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                                           SweepInputs& inputs, const CostModel& costs, double rank_bytes) {
  std::vector<PlannedMethod> methods;
  for (const std::string& task : spec.tasks) {
    const TaskData& data = inputs.task(task);
    const ParameterCatalogue& catalogue = inputs.catalogue(*data.task);
    const double model_bytes = inputs.pass_costs().model_bytes(data.task->output_size());
    for (const Method& method : spec.methods) {
      TrialCounts counts;
      const PlannedTrial* any = nullptr;
      for (const PlannedTrial& planned : trials) {
        if (planned.trial.task != task || planned.trial.method.text() != method.text()) continue;
        counts.add(planned.stored);
        any = &planned;
      }
      methods.push_back({.task = task,
                         .method = method.text(),
                         .counts = counts,
                         .trainable = trainable_count(method, catalogue),
                         .flops = any->flops,
                         .bytes = rank_bytes + model_bytes + any->added_bytes,
                         .seconds = costs.seconds(any->trial, any->flops)});
    }
  }
  return methods;
}

// What the trials take that are not finished.
void add_work(JobPlan& plan, const std::vector<PlannedTrial>& trials, const CostModel& costs) {
  for (const PlannedTrial& planned : trials) {
    if (planned.is_finished()) continue;
    plan.flops += planned.flops;
    plan.device_seconds += costs.seconds(planned.trial, planned.flops).value_or(0.0);
  }
}

PlannedScreening planned_screening(const SweepSpec& spec, std::size_t trials, std::size_t grid) {
  return {.seeds = spec.screening.seeds,
          .all_seeds = spec.seeds.size(),
          .keep = spec.screening.keep,
          .trials = trials,
          .grid = grid};
}

PlannedMeasurements planned_measurements(const std::vector<PlannedFisher>& runs, SweepInputs& inputs,
                                         const CostModel& costs) {
  const std::vector<PlannedFisher> pending = pending_of(runs);
  PlannedMeasurements measurements{.runs = runs.size(), .pending = pending.size()};
  for (const PlannedFisher& planned : pending) {
    const TaskData& data = inputs.task(planned.run.training.task);
    const double flops = expected_flops(planned.run, inputs.pass_costs(), data);
    measurements.device_seconds += costs.seconds(planned.run, flops).value_or(0.0);
  }
  return measurements;
}

PlannedAblation planned_ablation(const SweepSpec& spec, const std::vector<PlannedTrial>& trials) {
  const auto models = std::ranges::count_if(
      trials, [&](const PlannedTrial& planned) { return spec.ablation.has_models_of(planned.trial.method); });
  return {.models = static_cast<std::size_t>(models), .groups = spec.ablation.groups.size()};
}

PlayedSweep play(const SimulatedSweep& sweep, const SweepSpec& spec, std::int64_t devices) {
  const auto at_once = spec.lanes > 0 ? static_cast<std::size_t>(spec.lanes) : kMaxCoTrained;
  const Simulation simulation = simulate_sweep(sweep, static_cast<std::size_t>(devices), at_once);
  const auto& trainings = sweep.times.measured_trainings;
  const auto is_needed = [](const auto& time) { return time.has_value(); };
  return {.devices = devices,
          .at_once = at_once,
          .seconds = simulation.makespan,
          .lower_bound = simulation.lower_bound,
          .independent_trials = sweep.plan.independent.size(),
          .measured_trainings = static_cast<std::size_t>(std::ranges::count_if(trainings, is_needed)),
          .fisher_runs = sweep.plan.fisher_runs.size(),
          .dependent_trials = sweep.plan.dependent.size(),
          .stand_ins = sweep.plan.stand_ins.size()};
}

std::optional<BestStart> find_best_start(const SweepSpec& spec, Stages stages, const std::vector<PlannedTrial>& trials,
                                         double rank_bytes) {
  const Machine machine = Machine::look_for(spec.device);
  const bool is_login_node = spec.device == DeviceKind::kCuda && machine.cuda.count == 0 && !machine.has_driver;
  if (is_login_node) return std::nullopt;
  at::Device device = at::kCPU;
  try {
    device = job_device(spec, 0, stages);
  } catch (const DeviceError& error) {
    print_warning(std::string("a sweep would end here: ") + error.what());
    return std::nullopt;
  }
  if (device.is_cuda()) return BestStart{.gpus = machine.cuda.count};
  const SplitWork work = split_work(trials, available_memory(device), rank_bytes);
  return BestStart{.split = best_core_split(work, available_cores())};
}

}  // namespace

ExitStatus plan(const CommandLine& line) {
  const SweepSpec spec = parse_single_job(line);
  SweepInputs inputs(spec, print_warning);
  const InputHashes hashes = inputs.load_and_hash();
  check_ablation(spec, inputs);
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
  const double rank_bytes = packed_bytes(spec, trials, inputs);
  JobPlan plan{.job = spec.name,
               .results = spec.results_file(),
               .model = planned_model(spec, inputs),
               .counts = count(trials),
               .methods = planned_methods(spec, trials, inputs, costs, rank_bytes),
               .has_times = !costs.is_empty()};
  add_work(plan, trials, costs);
  if (spec.screening.is_on()) plan.screening = planned_screening(spec, trials.size(), grid_size);
  if (!fisher.empty()) plan.fisher = planned_measurements(fisher, inputs, costs);
  if (!spec.ablation.groups.empty()) plan.ablation = planned_ablation(spec, trials);
  if (line.simulated_devices > 0) {
    const SweepPlan stages = plan_sweep(trials, fisher, inputs);
    const PlanTimes times = expected_times(spec, stages, trials, inputs, costs);
    plan.simulation = play({.plan = stages, .trials = trials, .times = times}, spec, line.simulated_devices);
    plan.simulation->is_rate_assumed = costs.is_empty();
  }
  if (plan.counts.to_run() > 0) {
    const Stages stages = fisher.empty() ? Stages::kTraining : Stages::kTrainingAndFisher;
    plan.best_start = find_best_start(spec, stages, trials, rank_bytes);
  }
  if (line.wants_json) {
    print_json(json_of(plan));
  } else {
    fmt::print("{}", text_of(plan));
  }
  return kAllDone;
}

}  // namespace tunescope::cli
