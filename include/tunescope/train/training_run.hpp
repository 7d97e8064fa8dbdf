#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tunescope/device/host_read.hpp"
#include "tunescope/kernels/matmul.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/train/batch_order.hpp"
#include "tunescope/train/schedule.hpp"
#include "tunescope/train/trainable_parameters.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {

/// A training run that advances step by step, alone or together with others.
///
/// Trials that share a frozen backbone are cheaper together: their batches go through the backbone in one pass, which
/// makes its matrix products larger. So the caller holds several runs and advances them with `step_together`. Runs may
/// join and leave between any two steps. A run keeps its own schedule, random numbers, evaluations, checkpoints and
/// share of the time, so its result is, to rounding, the one that it would have alone. An exception or a divergence in
/// one run ends that run only, unless it is that of a broken device: then any function may throw `DeviceError`.
class TrainingRun {
 public:
  /// Resumes from `control.resume` if it is set. `inputs`, and what the functions of `control` refer to, must outlive
  /// the run.
  TrainingRun(const TrainInputs& inputs, TrainControl control);
  TrainingRun(const TrainingRun&) = delete;
  TrainingRun& operator=(const TrainingRun&) = delete;

  std::int64_t steps_done() const { return result_.steps; }
  /// See `TrainableParameters`.
  std::vector<std::pair<ParameterIndex, at::Tensor>> chosen_scalars() const { return trainable_.chosen_scalars(); }

  /// Whether the run is done, has diverged, was stopped, or has failed with an exception.
  bool is_over() const;

  /// The result and the trained parameters. The run must be over. Throws the exception that the run failed with.
  TrainedModel finish() &&;

  /// The cost of a step of several runs.
  struct StepCost {
    std::int64_t tokens = 0;
    double seconds =
        0.0;  ///< of gradients and update; a GPU may still be at work, on a step that the next one waits for
    bool fit_in_memory = true;  ///< false if the runs did not fit into memory together
  };

  /// Does the next step of each run in one pass. None of them may be over; all must be of one model and have the same
  /// dropout probabilities. If gradients or update fail, for lack of memory or through one of the runs, they are
  /// computed in smaller groups and finally in parts of a batch, with the same numbers to rounding, since dropout
  /// depends on examples and not on batches.
  static StepCost step_together(std::span<TrainingRun* const> runs);

 private:
  TrainingRun(const TrainInputs& inputs, TrainControl control, const Additions& additions);
  TrainingRun(const TrainInputs& inputs, TrainControl control, const Additions& additions, const Selection& selection);

  // Some examples of a run's batch, which are computed at once.
  struct Part {
    TrainingRun& run;
    std::span<const std::int64_t> examples;
  };
  static void add_gradients(std::span<const Part> parts);
  using Runs = std::span<TrainingRun* const>;
  // Does something for all runs at once; if that fails, for each half of them, and so on. Returns whether they fit into
  // memory together.
  static bool do_in_groups(Runs runs, const std::function<void(Runs group)>& work);
  static bool compute_gradients(Runs runs);

  at::Device device() const { return parameters_.front().device(); }
  // Null if products are in float32.
  const Bfloat16Weights* bfloat16_weights() const { return bfloat16_weights_ ? &*bfloat16_weights_ : nullptr; }
  PackedWeights* packed_weights() const { return inputs_.model.packed_weights.get(); }
  void begin_step();
  void restart_step();
  void compute_gradient_in_parts();
  // Loss and gradient norm of a step, among those of others, on their way to the host.
  struct UnsettledStep {
    std::shared_ptr<const PendingNumbers> numbers;
    std::size_t first = 0;  // of its two numbers
    double learning_rate = 0.0;
  };
  // What the update of several runs needs.
  struct PreparedUpdate {
    std::vector<TrainableParameters::Update> updates;
    std::shared_ptr<const PendingNumbers> numbers;  // losses and norms
  };
  static PreparedUpdate prepare_update(Runs runs);
  // Of all runs that have their gradients.
  static bool update(Runs runs);
  static void finish_step(Runs runs, const PreparedUpdate& prepared);
  AdamWStep next_step() const;
  void begin_waiting(UnsettledStep step);
  void settle_step();
  void end_step();
  // Whether an evaluation is due after the steps done so far and has not been done.
  bool is_evaluation_missing() const;
  void evaluate();
  void measure_changes();
  void poll_control();

  // Adds the time that `work` takes to the run's time, and stores an exception of it in `error_`.
  template <typename Work>
  void attempt(Work work);
  void count_time();
  // Adds this run's part of a step that `cost` is of.
  void count_step(const StepCost& cost);

  const TrainInputs& inputs_;
  TrainControl control_;
  const Task& task_;
  PassOptions pass_options_;
  Additions additions_;
  Parameters initial_;
  Parameters parameters_;  // with the added tensors, as `initial_`
  TrainableParameters trainable_;
  std::optional<Bfloat16Weights> bfloat16_weights_;  // those of the model, and those that are trained
  at::Tensor loss_;                                  // float64, on the device: of the step in progress
  // Whether the host learns of a step while the device computes the next one. A step that diverged changes nothing, nor
  // do those after it, so nothing that is recorded depends on it. On the CPU only tests of kernels for GPUs do so.
  bool reads_late_;
  std::string fingerprint_;
  BatchOrder order_;
  std::int64_t total_steps_;
  Schedule schedule_;
  TrainResult result_;
  std::exception_ptr error_;
  std::chrono::steady_clock::time_point counted_until_;              // time before it is in `result_.seconds`
  std::size_t part_size_ = std::numeric_limits<std::size_t>::max();  // examples of a batch computed at once

  std::optional<UnsettledStep> unsettled_;  // the latest step

  // The step in progress.
  std::span<const std::int64_t> examples_;
  std::uint64_t dropout_key_ = 0;
  Accumulate accumulate_loss_ = Accumulate::kNo;  // the next part's loss is added to those of the step so far
  std::int64_t tokens_ = 0;
};

}  // namespace tunescope
