#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tunescope/data/dataset.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/pretrained.hpp"
#include "tunescope/train/change.hpp"
#include "tunescope/train/options.hpp"

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

enum class Outcome { kDone, kDiverged };

/// Everything a training run leaves.
struct TrainResult {
  Outcome outcome = Outcome::kDone;
  std::string message;  ///< why it diverged, with the step
  std::int64_t steps = 0;
  std::int64_t trainable_parameters = 0;
  std::int64_t total_parameters = 0;
  std::vector<StepRecord> history;
  std::vector<Evaluation> evaluations;
  std::size_t best_evaluation = 0;  ///< index of the highest headline score, the first of equals
  std::vector<Change> change;       ///< by catalogue index
  Predictions predictions;          ///< at the last evaluation
  Predictions mismatched_predictions;
};

/// What `train` needs.
struct TrainInputs {
  const PretrainedModel& model;
  const ParameterCatalogue& catalogue;
  const TaskData& data;  ///< already subsampled
  Method method;
  std::vector<ScalarScores> scores = {};  ///< what a Fisher method chooses by
  double learning_rate = 0.0;
  std::uint64_t seed = 0;
  TrainOptions options;
};

/// Called after every step with the steps done and in all, and the parameters as they are now.
using StepCallback = std::function<void(std::int64_t step, std::int64_t total_steps, const Parameters& parameters)>;

/// Steps of a run over `examples` examples.
std::int64_t total_steps(const TrainOptions& options, std::int64_t examples);

/// Fine-tunes a model; a pure function of its inputs (and, to rounding, of the number of threads).
TrainResult train(const TrainInputs& inputs, const StepCallback& on_step);

/// The trained parameters beside the result, for tests and later stages.
struct TrainedModel {
  TrainResult result;
  Parameters parameters;
};
TrainedModel train_model(const TrainInputs& inputs, const StepCallback& on_step);

}  // namespace tunescope
