#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tunescope/base/next_action.hpp"
#include "tunescope/data/dataset.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/weights/bfloat16_weights.hpp"
#include "tunescope/train/options.hpp"
#include "tunescope/train/parameter_change.hpp"
#include "tunescope/train/trainable_parameters.hpp"
#include "tunescope/train/trial_end.hpp"

namespace tunescope {

/// Values of all metrics on the development set(s), in the order of `all_metrics`; NaN if a metric does not apply.
/// "Score" always means this, as in the result files.
using Scores = std::vector<double>;

struct Evaluation {
  std::int64_t step = 0;  ///< number of steps done before it
  double epoch = 0.0;
  double loss = 0.0;  ///< mean over the development set
  Scores scores;
  /// The primary metric on `TaskData::selection`; if that is empty, on the development set.
  double selection_score = std::numeric_limits<double>::quiet_NaN();
};

struct StepRecord {
  std::int64_t step = 0;  ///< counted from 1
  double loss = 0.0;      ///< mean over the batch of the step, before the update
  double learning_rate = 0.0;
  double gradient_norm = 0.0;  ///< before clipping
};

/// The outputs of a model on a development set, and the labels. Stored under /predictions in the result files.
struct Predictions {
  std::int64_t output_size = 1;
  std::vector<float> logits;  ///< [examples, output_size]
  std::vector<float> labels;  ///< [examples]
};

/// Everything that a training run produces, except the parameters.
struct TrainResult {
  TrialEnd end = TrialEnd::kDone;  ///< done, diverged or stopped; a stopped run's change is not measured
  std::string message;             ///< why it diverged, with the step
  std::int64_t steps = 0;
  double seconds = 0.0;  ///< over all pieces of an interrupted run; of a step done with other runs, this run's share
  /// Examples and tokens of its training steps, and the part of `seconds` that those took. Steps before the checkpoint
  /// of an earlier version are not among them.
  struct Throughput {
    std::int64_t examples = 0;
    std::int64_t tokens = 0;
    double seconds = 0.0;
  } throughput = {};
  std::int64_t trainable_parameters = 0;
  std::int64_t total_parameters = 0;  ///< of the model, without what is added
  std::vector<StepRecord> history;
  std::vector<Evaluation> evaluations;
  std::size_t best_evaluation = 0;  ///< index of the best selection score, the first of equals
  /// By catalogue index of the model. What is added to a weight counts as a change of it.
  std::vector<ParameterChange> change;
  std::vector<AddedChange> added_change;  ///< of the tensors themselves that the method has added
  Predictions predictions;                ///< of the last evaluation
  Predictions mismatched_predictions;
};

/// What a training run depends on.
struct TrainInputs {
  const PretrainedModel& model;
  const ParameterCatalogue& catalogue;
  const TaskData& data;  ///< already subsampled
  Method method;
  std::vector<ParameterImportance> importance = {};  ///< what a Fisher method chooses by
  double learning_rate = 0.0;
  std::uint64_t seed = 0;
  TrainOptions options;
  const Bfloat16Weights* bfloat16_weights = nullptr;  ///< of `model`, for products in bfloat16; null: in float32
};

/// All that a run needs to resume: what it has recorded so far, and the buffers of its optimizer. The schedule, the
/// order of examples, dropout and the random head are functions of seed and step.
struct TrainState {
  TrainResult result;
  TrainableParameters::State buffers;
  /// SHA-256 of which scalars are trained. If Fisher information was computed again meanwhile, it may differ by
  /// rounding and so may the choice of scalars; the buffers then do not fit.
  std::string fingerprint;
};

/// How a caller observes and controls a run.
struct TrainControl {
  /// If set, called after every step that did not diverge, with the number of steps done and the updated parameters: of
  /// the model, and behind them what is added. On a GPU the host then waits for each step.
  std::function<void(std::int64_t step, const Parameters& parameters)> on_step = {};
  /// Called after each evaluation that is the best so far, with the number of steps done and the updated parameters: of
  /// the model, and behind them what is added.
  std::function<void(std::int64_t step, const Parameters& parameters)> on_best = [](std::int64_t, const Parameters&) {};
  /// Told how far the run is, before each `next_action`.
  std::function<void(std::int64_t step, std::int64_t total_steps)> on_progress = [](std::int64_t, std::int64_t) {};
  /// Polled after every step except the last, and before each pass of an evaluation. A run that is saved within an
  /// evaluation repeats it when it resumes.
  std::function<NextAction()> next_action = [] { return NextAction::kContinue; };
  /// Called if `next_action` asks to save.
  std::function<void(const TrainState& state)> save = [](const TrainState&) {};
  /// The state in which an earlier run of the same inputs was saved. The run starts from scratch if it is null or its
  /// fingerprint differs.
  const TrainState* resume = nullptr;
};

/// Number of steps of a run on `examples` training examples.
std::int64_t total_steps(const TrainOptions& options, std::int64_t examples);

/// Number of steps between the evaluations of such a run.
std::int64_t evaluation_interval(const TrainOptions& options, std::int64_t examples);

/// Fine-tunes a model. The result is a function of the inputs alone (and, to rounding, of the number of threads), even
/// if the run was saved and resumed. If a batch does not fit into memory, it is computed in parts, with the same
/// numbers to rounding, since dropout depends on examples and not on batches. Throws `c10::OutOfMemoryError` if a
/// single example does not fit.
TrainResult train(const TrainInputs& inputs, const TrainControl& control);

/// The result together with the trained parameters: of the model, and behind them what is added.
struct TrainedModel {
  TrainResult result;
  Parameters parameters;
};
TrainedModel train_model(const TrainInputs& inputs, const TrainControl& control);

}  // namespace tunescope
