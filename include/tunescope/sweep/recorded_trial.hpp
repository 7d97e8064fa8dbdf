#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "tunescope/results/trial_record.hpp"
#include "tunescope/sweep/scheduler.hpp"
#include "tunescope/sweep/sweep.hpp"
#include "tunescope/train/training_run.hpp"

namespace tunescope {

/// How a trial is followed and stopped.
struct TrialControl {
  ProgressReport report;
  const StopRequest& stop;
  /// Called after each step.
  std::function<void(std::int64_t step, const Parameters& parameters)> on_parameters = [](std::int64_t,
                                                                                          const Parameters&) {};
  /// A checkpoint of this step or a later one does not count.
  std::int64_t resume_before = std::numeric_limits<std::int64_t>::max();
};

/// A trial in training that leaves its file: it starts from its checkpoint where there is one, is tried again after an
/// exception as often as the job says, and then leaves a `failed` file; a stop leaves a checkpoint.
class RecordedTrial {
 public:
  /// All arguments but `control` must outlive the trial.
  RecordedTrial(const PlannedTrial& planned, SweepInputs& inputs, const ResultPaths& paths, const WorkerOptions& worker,
                TrialControl control);

  /// The run to step, null where it could not even start. `settle` where it is null or over.
  TrainingRun* run() { return run_ ? &*run_ : nullptr; }
  /// Ends an attempt: writes the trial's file and returns how it ended, or starts another attempt.
  std::optional<TrialOutcome> settle();

 private:
  void start();
  TrialOutcome record_failure();

  const PlannedTrial& planned_;
  SweepInputs& inputs_;
  const ResultPaths& paths_;
  const WorkerOptions& worker_;
  TrialControl control_;
  const TaskData& data_;
  const ParameterCatalogue& catalogue_;
  CheckpointClock clock_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::int64_t attempts_ = 0;
  TrialRecord record_;
  std::optional<TrainInputs> train_inputs_;
  std::optional<TrainingRun> run_;
};

}  // namespace tunescope
