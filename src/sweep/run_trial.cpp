#include <unistd.h>

#include <chrono>
#include <limits>

#include "tunescope/results/trial_record.hpp"
#include "tunescope/sweep/sweep.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string hostname() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

TrialRow describe(const PlannedTrial& planned, const TaskData& data, const WorkerOptions& worker) {
  TrialRow row;
  row.id = planned.id;
  row.task = planned.trial.task;
  row.method = planned.trial.method.text();
  row.mask = planned.trial.mask_id();
  row.learning_rate = planned.trial.learning_rate;
  row.seed = static_cast<std::int64_t>(planned.trial.seed);
  row.metric = metric_name(data.task->headline);
  row.score = kNaN;
  row.final_score = kNaN;
  row.train_examples = data.train.size();
  row.dev_examples = data.dev.size();
  row.device = worker.device.str();
  row.rank = worker.rank;
  row.threads = worker.threads;
  row.hostname = hostname();
  return row;
}

void record_result(TrialRecord& record, const TrainResult& result, const TaskData& data,
                   const ParameterCatalogue& catalogue) {
  TrialRow& row = record.row;
  row.state = result.outcome == Outcome::kDone ? "done" : "diverged";
  row.error = result.message;
  row.steps = result.steps;
  row.trainable_parameters = result.trainable_parameters;
  row.total_parameters = result.total_parameters;
  if (!result.evaluations.empty()) {
    const Evaluation& best = result.evaluations[result.best_evaluation];
    record.best_scores = best.scores;
    record.final_scores = result.evaluations.back().scores;
    const auto headline = static_cast<std::size_t>(data.task->headline);
    row.best_step = best.step;
    row.score = best.scores[headline];
    row.final_score = record.final_scores[headline];
  }
  record.change = ChangeMaps::of(catalogue, result.change);
  record.evaluations = result.evaluations;
  record.history = result.history;
  record.predictions = result.predictions;
  record.mismatched_predictions = result.mismatched_predictions;
}

}  // namespace

TrialOutcome run_and_record(const PlannedTrial& planned, SweepInputs& inputs, const ResultPaths& paths,
                            const WorkerOptions& worker, const ProgressReport& report,
                            const ParametersCallback& on_parameters) {
  const TaskData& data = inputs.task(planned.trial.task);
  const ParameterCatalogue& catalogue = inputs.catalogue(*data.task);
  const Scores none(all_metrics().size(), kNaN);
  TrialRecord record{.row = describe(planned, data, worker),
                     .best_scores = none,
                     .final_scores = none,
                     .axes = MapAxes::of(catalogue),
                     .change = ChangeMaps::of(catalogue, {}),
                     .evaluations = {},
                     .history = {},
                     .predictions = {},
                     .mismatched_predictions = {}};
  const auto start = std::chrono::steady_clock::now();
  try {
    const TrainInputs train_inputs{.model = inputs.model(),
                                   .catalogue = catalogue,
                                   .data = data,
                                   .method = planned.trial.method,
                                   .scores = load_scores(planned.trial, catalogue, paths),
                                   .learning_rate = planned.trial.learning_rate,
                                   .seed = planned.trial.seed,
                                   .options = planned.trial.options};
    const auto on_step = [&](std::int64_t step, std::int64_t steps, const Parameters& parameters) {
      report(step, steps);
      on_parameters(step, parameters);
    };
    record_result(record, train(train_inputs, on_step), data, catalogue);
  } catch (const std::exception& error) {
    record.row.state = "failed";
    record.row.error = error.what();
  }
  record.row.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  TrialOutcome outcome{.state = TrialState::kFailed, .score = record.row.score, .seconds = record.row.wall_seconds};
  if (record.row.state == "failed") {
    write_trial(paths.failed_file(planned.id), record);
    return outcome;
  }
  write_trial(paths.trial_file(planned.id), record);
  std::filesystem::remove(paths.failed_file(planned.id));
  outcome.state = record.row.state == "done" ? TrialState::kDone : TrialState::kDiverged;
  return outcome;
}

}  // namespace tunescope
