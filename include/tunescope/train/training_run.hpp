#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include "tunescope/model/bert.hpp"
#include "tunescope/train/batch_order.hpp"
#include "tunescope/train/schedule.hpp"
#include "tunescope/train/trainable_parameters.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {

/// A training run that goes on step by step, alone or beside others. What goes wrong within a run ends that run only.
class TrainingRun {
 public:
  /// Goes on from `control.resume` where there is one. `inputs` and what the functions of `control` refer to must
  /// outlive the run.
  TrainingRun(const TrainInputs& inputs, TrainControl control);
  TrainingRun(const TrainingRun&) = delete;
  TrainingRun& operator=(const TrainingRun&) = delete;

  std::int64_t steps_done() const { return result_.steps; }
  /// See `TrainableParameters`.
  std::vector<std::pair<ParameterIndex, at::Tensor>> chosen_scalars() const { return trainable_.chosen_scalars(); }

  /// Whether it is done, diverged, stopped, or has failed with an exception.
  bool is_over() const;

  /// The result and the trained parameters of a run that is over. Throws the exception that it failed with.
  TrainedModel finish() &&;

  /// What a step of several runs took.
  struct StepCost {
    std::int64_t tokens = 0;
    double seconds = 0.0;       ///< of the gradients alone
    bool fit_in_memory = true;  ///< false where the runs did not fit into memory together
  };

  /// Does the next step of each of these runs, none of which is over, in one pass; they are of one model and have the
  /// same dropout probabilities. Where that fails, for want of memory or through one of the runs, they are computed in
  /// smaller groups and at last in parts of a batch: the same numbers to rounding, since dropout depends on examples,
  /// not batches.
  static StepCost step_together(std::span<TrainingRun* const> runs);

 private:
  TrainingRun(const TrainInputs& inputs, TrainControl control, const Selection& selection);

  // Examples of a run's batch that are computed at once.
  struct Part {
    TrainingRun& run;
    std::span<const std::int64_t> examples;
  };
  static void add_gradients(std::span<const Part> parts);
  // Whether they fitted into memory together.
  static bool compute_gradients(std::span<TrainingRun* const> runs);

  void begin_step();
  void restart_step();
  void compute_gradient_in_parts();
  void end_step();
  void update();
  double clipping_factor(double norm) const;
  // Whether the steps done so far end with an evaluation that has not been done.
  bool is_evaluation_missing() const;
  void evaluate();
  void measure();
  void poll_control();

  // Adds the time that `work` takes to the run's, and keeps its exception.
  template <typename Work>
  void attempt(Work work);
  void count_time();

  const TrainInputs& inputs_;
  TrainControl control_;
  const Task& task_;
  BertConfig config_;
  Bert bert_;
  Parameters initial_;
  Parameters parameters_;
  TrainableParameters trainable_;
  std::string fingerprint_;
  BatchOrder order_;
  std::int64_t total_steps_;
  Schedule schedule_;
  TrainResult result_;
  std::exception_ptr error_;
  std::chrono::steady_clock::time_point counted_until_;              // of the time that is the run's
  std::size_t part_size_ = std::numeric_limits<std::size_t>::max();  // examples of a batch computed at once

  // Of the step in progress.
  std::span<const std::int64_t> examples_;
  std::optional<std::uint64_t> dropout_key_;
  double loss_ = 0.0;
  double gradient_norm_ = 0.0;
  std::int64_t tokens_ = 0;
};

}  // namespace tunescope
