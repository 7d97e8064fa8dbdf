#include "tunescope/run/trial_rows.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <limits>
#include <map>
#include <utility>

#include "tunescope/base/hostname.hpp"

namespace tunescope {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double per_second(std::int64_t count, double seconds) {
  return seconds > 0.0 ? static_cast<double>(count) / seconds : kNaN;
}

TrialRow begin_row(const PlannedTrial& planned, const TaskData& data, const RankContext& rank) {
  TrialRow row;
  row.id = planned.id;
  row.task = planned.trial.task;
  row.method = planned.trial.method.text();
  row.mask = planned.trial.mask_id();
  row.learning_rate = planned.trial.learning_rate;
  row.seed = static_cast<std::int64_t>(planned.trial.seed);
  row.metric = metric_name(data.task->primary_metric);
  row.score = kNaN;
  row.final_score = kNaN;
  row.examples_per_second = kNaN;
  row.tokens_per_second = kNaN;
  row.energy_joules = kNaN;
  row.train_examples = data.train.size();
  row.dev_examples = data.dev.size();
  row.selection = planned.trial.selection.text();
  row.selection_hash = data.selection_hash;
  row.selection_examples = data.selection.size();
  row.selection_score = kNaN;
  row.precision = to_string(rank.job.inputs.precision_in_use(planned.trial.options.precision));
  row.device = rank.setup.device.str();
  row.gpu = rank.setup.gpu.name;
  row.gpu_software = rank.setup.gpu.software;
  row.rank = rank.setup.rank;
  row.threads = rank.setup.threads;
  row.hostname = hostname();
  return row;
}

}  // namespace

TrialRecord begin_record(const PlannedTrial& planned, const RankContext& rank) {
  const TaskData& data = rank.job.inputs.task(planned.trial.task);
  const ParameterCatalogue& catalogue = rank.job.inputs.catalogue(*data.task);
  const Scores none(all_metrics().size(), kNaN);
  return {.row = begin_row(planned, data, rank),
          .best_scores = none,
          .final_scores = none,
          .axes = MapAxes::of(catalogue),
          .change = ChangeMaps::of(catalogue, {}),
          .evaluations = {},
          .history = {},
          .predictions = {},
          .mismatched_predictions = {}};
}

void record_result(TrialRecord& record, const TrainResult& result, const Task& task,
                   const ParameterCatalogue& catalogue) {
  TrialRow& row = record.row;
  row.state = to_string(result.end);
  row.error = result.message;
  row.steps = result.steps;
  row.wall_seconds = result.seconds;
  row.examples_per_second = per_second(result.throughput.examples, result.throughput.seconds);
  row.tokens_per_second = per_second(result.throughput.tokens, result.throughput.seconds);
  row.trainable_parameters = result.trainable_parameters;
  row.total_parameters = result.total_parameters;
  if (!result.evaluations.empty()) {
    const Evaluation& best = result.evaluations[result.best_evaluation];
    record.best_scores = best.scores;
    record.final_scores = result.evaluations.back().scores;
    const auto primary = static_cast<std::size_t>(task.primary_metric);
    row.best_step = best.step;
    row.score = best.scores[primary];
    row.selection_score = best.selection_score;
    row.final_score = record.final_scores[primary];
  }
  record.change = ChangeMaps::of(catalogue, result.change);
  record.added_change = result.added_change;
  record.evaluations = result.evaluations;
  record.history = result.history;
  record.predictions = result.predictions;
  record.mismatched_predictions = result.mismatched_predictions;
}

MaskRecord mask_of(const Trial& trial, const std::vector<std::pair<ParameterIndex, at::Tensor>>& chosen,
                   const ParameterCatalogue& catalogue) {
  MaskRecord mask{.id = trial.mask_id(),
                  .method = trial.method.text(),
                  .runs = fmt::format("{}", fmt::join(trial.fisher_runs, " ")),
                  .indices = {}};
  std::map<ParameterIndex, std::vector<std::int64_t>> in_order;  // of the catalogue
  for (const auto& [parameter, indices] : chosen) {
    const at::Tensor on_host = indices.cpu().contiguous();
    const auto* const first = on_host.const_data_ptr<std::int64_t>();
    in_order[parameter] = {first, first + on_host.numel()};
  }
  for (auto& [parameter, indices] : in_order) mask.indices.emplace_back(catalogue[parameter].name, std::move(indices));
  return mask;
}

FisherRow fisher_row(const PlannedFisher& planned, const RankContext& rank, int ranks, std::string_view reducer) {
  const FisherRun& run = planned.run;
  FisherRow row;
  row.id = planned.id;
  row.task = run.training.task;
  row.mode = fisher_mode_name(run.mode);
  row.batch_size = run.batch_size;
  row.at = run.training.method.text();
  row.point = run.point;
  row.step = planned.step;
  row.learning_rate = run.training.learning_rate;
  row.seed = static_cast<std::int64_t>(run.training.seed);
  row.trial = run.training.id();
  row.reducer = reducer;
  row.ranks = ranks;
  row.threads = rank.setup.threads;
  row.device = rank.setup.device.str();
  row.gpu = rank.setup.gpu.name;
  row.gpu_software = rank.setup.gpu.software;
  row.hostname = hostname();
  row.precision = to_string(rank.job.inputs.precision_in_use(run.precision));
  row.draws = run.draws;
  return row;
}

}  // namespace tunescope
