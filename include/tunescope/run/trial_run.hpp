#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "tunescope/device/energy.hpp"
#include "tunescope/results/trial_record.hpp"
#include "tunescope/run/rank_context.hpp"
#include "tunescope/schedule/trial_queue.hpp"
#include "tunescope/storage/folder_lock.hpp"
#include "tunescope/storage/kept_weights.hpp"
#include "tunescope/storage/measured_weights.hpp"
#include "tunescope/storage/trial_checkpoints.hpp"
#include "tunescope/train/training_run.hpp"

namespace tunescope {

/// A trial that a rank has taken from the queue, and the right to train it.
struct TakenTrial {
  TrialIndex index = 0;
  const PlannedTrial& planned;
  Claim claim;
};

/// A trial in training, from its opening to its file. It resumes from its checkpoint if there is one, is tried again
/// after an exception as often as the job says, leaves weights that Fisher runs will measure, and ends with a file in
/// `trials/` (done, diverged), one in `failed/`, or, after a stop, with a checkpoint. If the rank's device is broken,
/// any function throws `DeviceError`, and the trial is as it was saved last.
class TrialRun {
 public:
  /// Opens the trial. What `taken` refers to and the other arguments must outlive it.
  TrialRun(TakenTrial taken, const RankContext& rank, TrialQueue& queue);

  const TakenTrial& taken() const { return taken_; }
  /// The training to advance; null if this attempt is over or could not even begin: call `finish_attempt` then.
  TrainingRun* training() { return training_ && !training_->is_over() ? &*training_ : nullptr; }
  /// Ends an attempt: records the trial and returns how it ended, or begins another attempt and returns nothing.
  std::optional<TrialSummary> finish_attempt();

 private:
  void begin_attempt();
  TrainControl control(const TrainState* resume);
  std::optional<TrainState> load_checkpoint() const;
  void fail_attempt(const std::exception& error);
  TrialSummary record_end(const TrainedModel& trained);
  TrialSummary record_failure();
  void record_peaks();
  double seconds_since_begin() const;

  TakenTrial taken_;
  const RankContext& rank_;
  TrialQueue& queue_;
  const TaskData& data_;
  const ParameterCatalogue& catalogue_;
  Additions additions_;
  TrialCheckpoints checkpoints_;
  WeightsWriter weights_;
  WeightsKeeper keeper_;
  CheckpointClock clock_;
  bool is_saved_ = false;  // whether the latest checkpoint could be written
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  EnergyMeter energy_;  // of the rank's device, since `begin_`
  std::int64_t attempts_ = 0;
  TrialRecord record_;
  std::optional<TrainInputs> train_inputs_;
  std::optional<TrainingRun> training_;
};

}  // namespace tunescope
