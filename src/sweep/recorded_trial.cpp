#include "tunescope/sweep/recorded_trial.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <limits>
#include <utility>

#include "tunescope/atomic_file.hpp"
#include "tunescope/error.hpp"
#include "tunescope/hostname.hpp"
#include "tunescope/train/checkpoint.hpp"

namespace tunescope {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TrialRow describe(const PlannedTrial& planned, const TaskData& data, const SweepInputs& inputs,
                  const WorkerOptions& worker) {
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
  row.precision = inputs.rounded() ? "bfloat16" : "float32";
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
  make_folder(latest.parent_path());
  if (std::filesystem::exists(latest)) std::filesystem::rename(latest, paths.previous_checkpoint(id));
  save_checkpoint(latest, state);
}

TrialRecord empty_record(const PlannedTrial& planned, const TaskData& data, const ParameterCatalogue& catalogue,
                         const SweepInputs& inputs, const WorkerOptions& worker) {
  const Scores none(all_metrics().size(), kNaN);
  return {.row = describe(planned, data, inputs, worker),
          .best_scores = none,
          .final_scores = none,
          .axes = MapAxes::of(catalogue),
          .change = ChangeMaps::of(catalogue, {}),
          .evaluations = {},
          .history = {},
          .predictions = {},
          .mismatched_predictions = {}};
}

}  // namespace

RecordedTrial::RecordedTrial(const PlannedTrial& planned, SweepInputs& inputs, const ResultPaths& paths,
                             const WorkerOptions& worker, TrialControl control)
    : planned_(planned),
      inputs_(inputs),
      paths_(paths),
      worker_(worker),
      control_(std::move(control)),
      data_(inputs.task(planned.trial.task)),
      catalogue_(inputs.catalogue(*data_.task)),
      clock_(worker.checkpoint_seconds, control_.stop),
      record_(empty_record(planned, data_, catalogue_, inputs, worker)) {
  start();
}

void RecordedTrial::start() {
  run_.reset();
  ++attempts_;
  try {
    train_inputs_.emplace(TrainInputs{.model = inputs_.model(),
                                      .catalogue = catalogue_,
                                      .data = data_,
                                      .method = planned_.trial.method,
                                      .scores = load_scores(planned_.trial, catalogue_, paths_),
                                      .learning_rate = planned_.trial.learning_rate,
                                      .seed = planned_.trial.seed,
                                      .options = planned_.trial.options,
                                      .rounded = inputs_.rounded()});
    std::optional<TrainState> saved = find_checkpoint(paths_, planned_.id);
    if (saved && saved->result.steps >= control_.resume_before) saved.reset();
    run_.emplace(*train_inputs_,
                 TrainControl{.on_step = control_.on_parameters,
                              .next_action =
                                  [this](std::int64_t step, std::int64_t steps) {
                                    control_.report(step, steps);
                                    return clock_.next_action();
                                  },
                              .save = [this](const TrainState& state) { store_checkpoint(paths_, planned_.id, state); },
                              .resume = saved ? &*saved : nullptr});
    train_inputs_->scores.clear();  // large, and read for the start alone
    if (run_->steps_done() > 0) {
      spdlog::info("trial {} goes on after step {}", planned_.id, run_->steps_done());
    } else if (saved) {
      spdlog::warn("trial {} starts anew: its checkpoint is of other scalars, or of an earlier version", planned_.id);
    }
  } catch (const std::exception& error) {
    spdlog::error("trial {}, attempt {}: {}", planned_.id, attempts_, error.what());
    record_.row.error = error.what();
  }
}

std::optional<TrialOutcome> RecordedTrial::settle() {
  if (run_) {
    try {
      const TrainResult result = std::move(*run_).finish().result;
      if (result.outcome == Outcome::kStopped) return TrialOutcome{.state = TrialState::kStopped, .score = kNaN};
      record_result(record_, result, data_, catalogue_);
    } catch (const std::exception& error) {
      spdlog::error("trial {}, attempt {}: {}", planned_.id, attempts_, error.what());
      record_.row.error = error.what();
    }
  }
  if (record_.row.state.empty() && attempts_ <= worker_.retries) {
    start();
    return std::nullopt;
  }
  if (record_.row.state.empty()) return record_failure();
  write_trial(paths_.trial_file(planned_.id), record_);
  std::filesystem::remove(paths_.failed_file(planned_.id));
  std::filesystem::remove_all(paths_.checkpoints / planned_.id);
  return TrialOutcome{.state = record_.row.state == "done" ? TrialState::kDone : TrialState::kDiverged,
                      .score = record_.row.score,
                      .seconds = record_.row.wall_seconds};
}

TrialOutcome RecordedTrial::record_failure() {
  record_.row.state = "failed";
  record_.row.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  write_trial(paths_.failed_file(planned_.id), record_);
  return {.state = TrialState::kFailed, .score = kNaN, .seconds = record_.row.wall_seconds};
}

}  // namespace tunescope
