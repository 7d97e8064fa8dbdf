#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tunescope/data/dataset.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/bfloat16_weights.hpp"
#include "tunescope/next_action.hpp"
#include "tunescope/train/options.hpp"
#include "tunescope/train/parameter_change.hpp"
#include "tunescope/train/trainable_parameters.hpp"
#include "tunescope/train/trial_end.hpp"

namespace tunescope {

/// Scores on the development set(s), by metric in the order of `all_metrics`; NaN where a metric does not apply.
using Scores = std::vector<double>;

struct Evaluation {
  std::int64_t step = 0;  ///< steps done before it
  double epoch = 0.0;
  double loss = 0.0;  ///< on the development set
  Scores scores;
};

struct StepRecord {
  std::int64_t step = 0;  ///< from 1
  double loss = 0.0;      ///< of the step's batch, before the update
  double learning_rate = 0.0;
  double gradient_norm = 0.0;  ///< before clipping
};

/// A model's outputs on a development set.
struct Predictions {
  std::int64_t output_size = 1;
  std::vector<float> logits;  ///< [examples, output_size]
  std::vector<float> labels;  ///< [examples]
};

/// Everything a training run leaves.
struct TrainResult {
  TrialEnd end = TrialEnd::kDone;  ///< done, diverged or stopped; a stopped run's change is not measured
  std::string message;             ///< why it diverged, with the step
  std::int64_t steps = 0;
  double seconds = 0.0;  ///< spent on it, over all pieces of an interrupted run; of a step beside others, its share
  std::int64_t trainable_parameters = 0;
  std::int64_t total_parameters = 0;
  std::vector<StepRecord> history;
  std::vector<Evaluation> evaluations;
  std::size_t best_evaluation = 0;      ///< index of the highest headline score, the first of equals
  std::vector<ParameterChange> change;  ///< by catalogue index
  Predictions predictions;              ///< at the last evaluation
  Predictions mismatched_predictions;
};

/// What `train` needs.
struct TrainInputs {
  const PretrainedModel& model;
  const ParameterCatalogue& catalogue;
  const TaskData& data;  ///< already subsampled
  Method method;
  std::vector<ParameterImportance> scores = {};  ///< what a Fisher method chooses by
  double learning_rate = 0.0;
  std::uint64_t seed = 0;
  TrainOptions options;
  const Bfloat16Weights* rounded = nullptr;  ///< of `model`, for products in bfloat16; null: in float32
};

/// All that a run needs to go on: what it has recorded so far and its optimiser's buffers. The schedule, the order of
/// examples, dropout and the random head are functions of seed and step.
struct TrainState {
  TrainResult result;
  TrainableParameters::State buffers;
  std::string fingerprint;  ///< SHA-256 of which scalars are trained: Fisher information computed again may differ
};

/// How a caller follows and steers a run.
struct TrainControl {
  /// Called after every step that did not diverge, with the steps done and the parameters as they are now.
  std::function<void(std::int64_t step, const Parameters& parameters)> on_step = [](std::int64_t, const Parameters&) {};
  /// Told how far the run is, before each `next_action`.
  std::function<void(std::int64_t step, std::int64_t total_steps)> on_progress = [](std::int64_t, std::int64_t) {};
  /// Asked after every step but the last, and before each pass of an evaluation. A run that is saved within an
  /// evaluation repeats it when it resumes.
  std::function<NextAction()> next_action = [] { return NextAction::kContinue; };
  /// Called where `next_action` says so, through `save_for`.
  std::function<void(const TrainState& state)> save = [](const TrainState&) {};
  /// Where an earlier run of the same inputs was saved; null to start anew, as does a run of another fingerprint.
  const TrainState* resume = nullptr;
};

/// Steps of a run over `examples` examples.
std::int64_t total_steps(const TrainOptions& options, std::int64_t examples);

/// Steps from one evaluation of such a run to the next.
std::int64_t evaluation_interval(const TrainOptions& options, std::int64_t examples);

/// Fine-tunes a model; a pure function of its inputs (and, to rounding, of the number of threads), also where it was
/// saved and resumed in between. Where a batch does not fit into memory, it is computed in parts: the same numbers to
/// rounding, since dropout depends on examples, not batches. Throws `c10::OutOfMemoryError` where one example does not
/// fit.
TrainResult train(const TrainInputs& inputs, const TrainControl& control);

/// The trained parameters beside the result, for tests.
struct TrainedModel {
  TrainResult result;
  Parameters parameters;
};
TrainedModel train_model(const TrainInputs& inputs, const TrainControl& control);

}  // namespace tunescope
