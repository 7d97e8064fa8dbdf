#include <spdlog/spdlog.h>

#include <chrono>
#include <limits>
#include <optional>

#include "tunescope/error.hpp"
#include "tunescope/hostname.hpp"
#include "tunescope/results/trial_record.hpp"
#include "tunescope/sweep/sweep.hpp"
#include "tunescope/train/checkpoint.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

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
  row.wall_seconds = result.seconds;
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

// The latest state that can be read; a damaged one is named and the one before it is tried.
std::optional<TrainState> find_checkpoint(const ResultPaths& paths, const std::string& id) {
  for (const std::filesystem::path& path : {paths.checkpoint(id), paths.previous_checkpoint(id)}) {
    if (!std::filesystem::exists(path)) continue;
    try {
      return load_checkpoint(path);
    } catch (const DataError& error) {
      spdlog::warn("{}; an earlier one is used, or the trial starts anew", error.what());
      std::filesystem::rename(path, path.string() + ".damaged");  // else it would displace the good one before it
    }
  }
  return std::nullopt;
}

void store_checkpoint(const ResultPaths& paths, const std::string& id, const TrainState& state) {
  const std::filesystem::path latest = paths.checkpoint(id);
  std::filesystem::create_directories(latest.parent_path());
  if (std::filesystem::exists(latest)) std::filesystem::rename(latest, paths.previous_checkpoint(id));
  save_checkpoint(latest, state);
}

TrainResult train_from_checkpoint(const PlannedTrial& planned, SweepInputs& inputs, const ResultPaths& paths,
                                  const WorkerOptions& worker, const TrialControl& control) {
  const TaskData& data = inputs.task(planned.trial.task);
  const ParameterCatalogue& catalogue = inputs.catalogue(*data.task);
  const TrainInputs train_inputs{.model = inputs.model(),
                                 .catalogue = catalogue,
                                 .data = data,
                                 .method = planned.trial.method,
                                 .scores = load_scores(planned.trial, catalogue, paths),
                                 .learning_rate = planned.trial.learning_rate,
                                 .seed = planned.trial.seed,
                                 .options = planned.trial.options};
  CheckpointClock clock(worker.checkpoint_seconds, control.stop);
  std::optional<TrainState> saved = find_checkpoint(paths, planned.id);
  if (saved && saved->result.steps >= control.resume_before) saved.reset();
  if (saved) spdlog::info("trial {} goes on after step {}", planned.id, saved->result.steps);
  return train(train_inputs, {.on_step =
                                  [&](std::int64_t step, std::int64_t steps, const Parameters& parameters) {
                                    control.report(step, steps);
                                    control.on_parameters(step, parameters);
                                  },
                              .next_action = [&] { return clock.next_action(); },
                              .save = [&](const TrainState& state) { store_checkpoint(paths, planned.id, state); },
                              .resume = saved ? &*saved : nullptr});
}

}  // namespace

TrialOutcome run_and_record(const PlannedTrial& planned, SweepInputs& inputs, const ResultPaths& paths,
                            const WorkerOptions& worker, const TrialControl& control) {
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
  for (std::int64_t attempt = 0; attempt <= worker.retries && record.row.state.empty(); ++attempt) {
    try {
      const TrainResult result = train_from_checkpoint(planned, inputs, paths, worker, control);
      if (result.outcome == Outcome::kStopped) return {.state = TrialState::kStopped, .score = kNaN};
      record_result(record, result, data, catalogue);
    } catch (const std::exception& error) {
      spdlog::error("trial {}, attempt {}: {}", planned.id, attempt + 1, error.what());
      record.row.error = error.what();
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  TrialOutcome outcome{.state = TrialState::kFailed, .score = record.row.score, .seconds = seconds};
  if (record.row.state.empty()) {
    record.row.state = "failed";
    record.row.wall_seconds = seconds;
    write_trial(paths.failed_file(planned.id), record);
    return outcome;
  }
  write_trial(paths.trial_file(planned.id), record);
  std::filesystem::remove(paths.failed_file(planned.id));
  std::filesystem::remove_all(paths.checkpoints / planned.id);
  outcome.state = record.row.state == "done" ? TrialState::kDone : TrialState::kDiverged;
  return outcome;
}

}  // namespace tunescope
