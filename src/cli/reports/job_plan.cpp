#include "cli/reports/job_plan.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>

#include "tunescope/cli/display/progress.hpp"
#include "tunescope/schedule/simulation.hpp"

namespace tunescope::cli {
namespace {

std::string readable_flops(double flops) {
  if (flops >= 1e18) return fmt::format("{:.1f} EFLOP", flops / 1e18);
  if (flops >= 1e15) return fmt::format("{:.1f} PFLOP", flops / 1e15);
  if (flops >= 1e11) return fmt::format("{:.1f} TFLOP", flops / 1e12);
  return fmt::format("{:.1f} GFLOP", flops / 1e9);
}

std::string device_hours(double seconds) { return fmt::format("{:.{}f}", seconds / 3600.0, seconds < 36000.0 ? 2 : 0); }

// One line, and one for each thing that is not ordinary.
std::string model_lines(const PlannedModel& model) {
  std::string text = fmt::format("model: {}, {} layers, hidden {}, {} heads, {} positions; tokenizer: {}\n",
                                 model.architecture, model.limits.layers, model.limits.hidden_size,
                                 model.limits.attention_heads, model.limits.positions, model.tokenizer);
  for (const std::string& note : model.notes) text += fmt::format("  {}\n", note);
  return text;
}

std::string table_of(const std::vector<PlannedMethod>& methods) {
  constexpr std::string_view kRow = "{:<6} {:<{}} {:>7} {:>6} {:>9} {:>7} {:>8} {:>12} {:>14} {:>8} {:>13} {:>13}\n";
  std::size_t width = 0;
  for (const PlannedMethod& row : methods) width = std::max(width, row.method.size());
  std::string text = fmt::format(fmt::runtime(kRow), "task", "method", width, "trials", "done", "diverged", "failed",
                                 "missing", "trainable", "work/trial", "memory", "time/trial", "device-hours");
  for (const PlannedMethod& row : methods) {
    const std::optional<double> pending = row.device_seconds();
    text += fmt::format(fmt::runtime(kRow), row.task, row.method, width, row.counts.total, row.counts.done,
                        row.counts.diverged, row.counts.failed, row.counts.missing, row.trainable,
                        readable_flops(row.flops), fmt::format("{:.1f} GB", row.bytes / 1e9),
                        row.seconds ? readable_duration(*row.seconds) : "?", pending ? device_hours(*pending) : "?");
  }
  return text;
}

std::string totals_line(const JobPlan& plan) {
  return fmt::format("{}: {} trials, {} to run ({} of matrix products{}); the model has {} parameters and a head\n",
                     plan.job, plan.counts.total, plan.counts.to_run(), readable_flops(plan.flops),
                     plan.device_seconds > 0.0 ? ", " + device_hours(plan.device_seconds) + " device-hours" : "",
                     plan.model.parameters);
}

std::string screening_line(const PlannedScreening& screening) {
  return fmt::format(
      "screening: all learning rates with {} of {} seeds, then {} of each task and method with the others: {} trials "
      "in place of {}\n",
      screening.seeds, screening.all_seeds, screening.keep, screening.trials, screening.grid);
}

std::string ablation_line(const PlannedAblation& ablation) {
  return fmt::format(
      "ablation at the end: {} trained model{}, scored without the changes of {} groups and with only them\n",
      ablation.models, ablation.models == 1 ? "" : "s", ablation.groups);
}

std::string fisher_line(const PlannedMeasurements& fisher) {
  return fmt::format(
      "Fisher runs that methods choose by: {}, {} to compute{}\n", fisher.runs, fisher.pending,
      fisher.device_seconds > 0.0 ? fmt::format(" ({} device-hours)", device_hours(fisher.device_seconds)) : "");
}

// What is done one after another, if there is more than one thing.
std::string stages_line(const PlayedSweep& sweep) {
  std::vector<std::string> stages{fmt::format("{} trials", sweep.independent_trials)};
  if (sweep.measured_trainings > 0) {
    stages.push_back(fmt::format("{} trainings that Fisher runs measure", sweep.measured_trainings));
  }
  if (sweep.fisher_runs > 0) {
    stages.push_back(fmt::format("{} Fisher runs", sweep.fisher_runs));
    stages.push_back(fmt::format("{} trials that choose by them", sweep.dependent_trials));
  }
  if (sweep.stand_ins > 0) {
    stages.push_back(fmt::format("{} trials of the learning rates that these choose", sweep.stand_ins));
  }
  return stages.size() > 1 ? fmt::format("in this order: {}\n", fmt::join(stages, ", ")) : "";
}

std::string simulation_lines(const PlayedSweep& sweep) {
  const double excess = sweep.lower_bound > 0.0 ? sweep.seconds / sweep.lower_bound - 1.0 : 0.0;
  std::string text = fmt::format(
      "on {} device{}{}: {}, {:.1f} % above the lower bound of {}\n", sweep.devices, sweep.devices == 1 ? "" : "s",
      sweep.at_once == 1 ? "" : fmt::format(" with up to {} trials at once on each", sweep.at_once),
      readable_duration(sweep.seconds), 100.0 * std::max(excess, 0.0), readable_duration(sweep.lower_bound));
  text += stages_line(sweep);
  if (sweep.is_rate_assumed) {
    text += fmt::format("assuming {:.0f} TFLOP/s per device; --calibrate measures this machine\n",
                        kAssumedFlopPerSecond / 1e12);
  }
  return text;
}

std::string start_line(const BestStart& start) {
  if (start.gpus > 0) return fmt::format("best here: mpirun -n {}, one rank per GPU\n", start.gpus);
  return fmt::format("best here: mpirun -n {}, {}\n", start.split.ranks, start.split.text());
}

Json model_json(const PlannedModel& model) {
  return {{"architecture", model.architecture},
          {"layers", model.limits.layers},
          {"hidden_size", model.limits.hidden_size},
          {"attention_heads", model.limits.attention_heads},
          {"positions", model.limits.positions},
          {"parameters", model.parameters},
          {"tokenizer", model.tokenizer},
          {"notes", model.notes}};
}

Json method_json(const PlannedMethod& row) {
  return {{"task", row.task},
          {"method", row.method},
          {"trials", json_of(row.counts)},
          {"trainable", row.trainable},
          {"flop_per_trial", row.flops},
          {"bytes", row.bytes},
          {"seconds_per_trial", json_of(row.seconds)},
          {"device_seconds", json_of(row.device_seconds())}};
}

Json screening_json(const PlannedScreening& screening) {
  return {{"seeds", screening.seeds},
          {"all_seeds", screening.all_seeds},
          {"keep", screening.keep},
          {"trials", screening.trials},
          {"grid", screening.grid}};
}

Json ablation_json(const PlannedAblation& ablation) {
  return {{"models", ablation.models}, {"groups", ablation.groups}};
}

Json fisher_json(const PlannedMeasurements& fisher) {
  return {{"runs", fisher.runs}, {"to_compute", fisher.pending}, {"device_seconds", fisher.device_seconds}};
}

Json simulation_json(const PlayedSweep& sweep) {
  return {{"devices", sweep.devices},
          {"trials_at_once", sweep.at_once},
          {"seconds", sweep.seconds},
          {"lower_bound_seconds", sweep.lower_bound},
          {"rate_is_assumed", sweep.is_rate_assumed},
          {"stages",
           {{"independent_trials", sweep.independent_trials},
            {"measured_trainings", sweep.measured_trainings},
            {"fisher_runs", sweep.fisher_runs},
            {"dependent_trials", sweep.dependent_trials},
            {"screened_trials", sweep.stand_ins}}}};
}

Json start_json(const BestStart& start) {
  if (start.gpus > 0) return {{"ranks", start.gpus}, {"device", "cuda"}};
  return {{"ranks", start.split.ranks}, {"device", "cpu"}, {"threads", start.split.threads}};
}

template <typename Part>
Json json_or_null(const std::optional<Part>& part, Json (*json)(const Part&)) {
  return part ? json(*part) : Json(nullptr);
}

}  // namespace

std::optional<double> PlannedMethod::device_seconds() const {
  return seconds ? std::optional(static_cast<double>(counts.to_run()) * *seconds) : std::nullopt;
}

std::string text_of(const JobPlan& plan) {
  std::string text = model_lines(plan.model) + table_of(plan.methods) + "\n" + totals_line(plan);
  if (plan.screening) text += screening_line(*plan.screening);
  if (plan.fisher) text += fisher_line(*plan.fisher);
  if (plan.ablation) text += ablation_line(*plan.ablation);
  if (!plan.has_times && !plan.simulation) {
    text += "times are known once trials are done; --calibrate measures their first steps on this machine\n";
  }
  if (plan.simulation) text += simulation_lines(*plan.simulation);
  if (plan.best_start) text += start_line(*plan.best_start);
  return text + fmt::format("results: {}\n", plan.results.string());
}

Json json_of(const JobPlan& plan) {
  Json json = {{"job", plan.job},
               {"results", plan.results.string()},
               {"model", model_json(plan.model)},
               {"trials", json_of(plan.counts)},
               {"trials_to_run", plan.counts.to_run()},
               {"flop", plan.flops},
               {"device_seconds", plan.has_times ? Json(plan.device_seconds) : Json(nullptr)},
               {"methods", Json::array()}};
  for (const PlannedMethod& row : plan.methods) json["methods"].push_back(method_json(row));
  json["screening"] = json_or_null(plan.screening, screening_json);
  json["fisher"] = json_or_null(plan.fisher, fisher_json);
  json["ablation"] = json_or_null(plan.ablation, ablation_json);
  json["simulation"] = json_or_null(plan.simulation, simulation_json);
  json["best_start"] = json_or_null(plan.best_start, start_json);
  return json;
}

}  // namespace tunescope::cli
