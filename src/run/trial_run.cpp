#include "tunescope/run/trial_run.hpp"

#include <spdlog/spdlog.h>

#include <limits>
#include <utility>

#include "tunescope/device/failure.hpp"
#include "tunescope/device/host_memory.hpp"
#include "tunescope/run/trial_rows.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope {

TrialRun::TrialRun(TakenTrial taken, const RankContext& rank, TrialQueue& queue)
    : taken_(std::move(taken)),
      rank_(rank),
      queue_(queue),
      data_(rank.job.inputs.task(taken_.planned.trial.task)),
      catalogue_(rank.job.inputs.catalogue(*data_.task)),
      additions_(additions_of(taken_.planned.trial.method, catalogue_)),
      checkpoints_(rank.job.folder, taken_.planned.id),
      weights_(rank.job.folder, taken_.planned.id, rank.job.fisher),
      keeper_(rank.job.folder, taken_.planned.id, rank.job.spec.keep),
      clock_(rank.job.spec.checkpoint_seconds, rank.stop),
      energy_(energy_counters(rank.setup.device)),
      record_(begin_record(taken_.planned, rank)) {
  spdlog::info("trial {} starts: {} {}", taken_.planned.id, taken_.planned.trial.task,
               taken_.planned.trial.method.text());
  begin_attempt();
}

void TrialRun::begin_attempt() {
  training_.reset();
  ++attempts_;
  const Trial& trial = taken_.planned.trial;
  SweepInputs& inputs = rank_.job.inputs;
  try {
    train_inputs_.emplace(TrainInputs{.model = inputs.model(),
                                      .catalogue = catalogue_,
                                      .data = data_,
                                      .method = trial.method,
                                      .importance = load_importance(trial, catalogue_, rank_.job.folder),
                                      .learning_rate = trial.learning_rate,
                                      .seed = trial.seed,
                                      .options = trial.options,
                                      .bfloat16_weights = inputs.bfloat16_weights(trial.options.precision)});
    const std::optional<TrainState> saved = load_checkpoint();
    training_.emplace(*train_inputs_, control(saved ? &*saved : nullptr));
    train_inputs_->importance.clear();  // large, and read for the start alone
    if (training_->steps_done() > 0) {
      spdlog::info("trial {} resumes after step {}", taken_.planned.id, training_->steps_done());
    } else if (saved) {
      spdlog::warn("trial {} starts from scratch: its checkpoint is of other scalars, or of an earlier version",
                   taken_.planned.id);
    }
  } catch (const std::exception& error) {
    fail_attempt(error);
  }
}

TrainControl TrialRun::control(const TrainState* resume) {
  TrainControl control{.on_best =
                           [this](std::int64_t step, const Parameters& parameters) {
                             keeper_.on_best(step, parameters, rank_.job.inputs.model(), additions_.catalogue());
                           },
                       .on_progress =
                           [this](std::int64_t step, std::int64_t steps) {
                             queue_.report(taken_.index, step, steps);
                             energy_.poll();
                           },
                       .next_action =
                           [this] {
                             queue_.poll_stop();
                             return clock_.next_action();
                           },
                       .save =
                           [this](const TrainState& state) {
                             is_saved_ = clock_.save([&] { checkpoints_.save(state); });
                             if (is_saved_) keeper_.on_checkpoint(state.result);
                           },
                       .resume = resume};
  if (!weights_.is_complete()) {
    control.on_step = [this](std::int64_t step, const Parameters& parameters) {
      weights_.write(step, parameters, rank_.job.inputs.model(), additions_.catalogue());
    };
  }
  return control;
}

// A training that is to leave weights on its way must not resume behind them.
std::optional<TrainState> TrialRun::load_checkpoint() const {
  std::optional<TrainState> saved = checkpoints_.load();
  if (saved && saved->result.steps >= weights_.first_missing_step()) saved.reset();
  return saved;
}

void TrialRun::fail_attempt(const std::exception& error) {
  throw_if_broken(rank_.setup.device, error);
  spdlog::error("trial {}, attempt {}: {}", taken_.planned.id, attempts_, error.what());
  record_.row.error = error.what();
}

std::optional<TrialSummary> TrialRun::finish_attempt() {
  std::optional<TrainedModel> trained;
  if (training_) {
    try {
      const auto chosen = training_->chosen_scalars();
      TrainedModel finished = std::move(*training_).finish();
      const TrainResult& result = finished.result;
      if (result.end == TrialEnd::kStopped) {
        return TrialSummary{.end = is_saved_ ? TrialEnd::kStopped : TrialEnd::kNotSaved,
                            .score = std::numeric_limits<double>::quiet_NaN()};
      }
      record_result(record_, result, *data_.task, catalogue_);
      const Trial& trial = taken_.planned.trial;
      if (!trial.fisher_runs.empty()) record_.mask = mask_of(trial, chosen, catalogue_);
      trained = std::move(finished);
    } catch (const std::exception& error) {
      fail_attempt(error);
    }
  }
  if (trained) return record_end(*trained);
  if (attempts_ > rank_.job.spec.retries) return record_failure();
  begin_attempt();
  return std::nullopt;
}

TrialSummary TrialRun::record_end(const TrainedModel& trained) {
  const JobFolder& folder = rank_.job.folder;
  const TrialEnd end = trained.result.end;
  keeper_.on_end(trained, rank_.job.inputs.model(), additions_.catalogue());
  record_.row.kept_bytes = kept_bytes(folder, taken_.planned.id);
  record_peaks();
  // The mean power of the device since the trial began here, times the trial's own time, which may have begun in an
  // earlier process and is a share of the steps that it did with other trials.
  record_.row.energy_joules =
      energy_.joules() / seconds_since_begin() * record_.row.wall_seconds / rank_.setup.device_ranks;
  write_trial(folder.trial_file(taken_.planned.id), record_);
  std::filesystem::remove(folder.failed_file(taken_.planned.id));
  std::filesystem::remove(folder.ablation_file(taken_.planned.id));  // of weights that were there before
  checkpoints_.remove();
  return {.end = end, .score = record_.row.score, .seconds = record_.row.wall_seconds};
}

TrialSummary TrialRun::record_failure() {
  record_.row.state = to_string(TrialEnd::kFailed);
  record_.row.wall_seconds = seconds_since_begin();
  record_peaks();
  write_trial(rank_.job.folder.failed_file(taken_.planned.id), record_);
  return {
      .end = TrialEnd::kFailed, .score = std::numeric_limits<double>::quiet_NaN(), .seconds = record_.row.wall_seconds};
}

void TrialRun::record_peaks() {
  TrialRow& row = record_.row;
  row.peak_host_bytes = peak_host_memory();
  row.peak_device_bytes = peak_device_memory(rank_.setup.device);
}

double TrialRun::seconds_since_begin() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

}  // namespace tunescope
