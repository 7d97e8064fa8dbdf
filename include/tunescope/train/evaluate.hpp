#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "tunescope/data/dataset.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {

/// A model to be evaluated.
struct EvaluatedModel {
  const Network& network;
  const Parameters& parameters;
  const Bfloat16Weights* bfloat16_weights = nullptr;  ///< see `ModelInput`
  PackedWeights* packed_weights = nullptr;            ///< likewise
  const Additions* additions = nullptr;               ///< likewise
};

/// The outputs of the model on every example, in evaluation mode. Polls `keep_going` before each pass over some
/// thousand tokens, and returns nothing if it returns false. A pass that does not fit into memory is split. On a GPU
/// the outputs stay there until all are computed.
std::optional<Predictions> predict(const EvaluatedModel& model, const Dataset& dataset, const Task& task,
                                   const std::function<bool()>& keep_going);

/// The predicted class of each example, the first of equals; the output itself for a regression task.
std::vector<double> decide(const Predictions& predictions, const Task& task);

/// Mean loss of predictions: cross-entropy, or squared error for a regression task.
double mean_loss(const Predictions& predictions, const Task& task);

/// One metric of predictions.
double compute_score(Metric metric, const Predictions& predictions, const Task& task);

/// The metrics of a task. `mismatched` is empty unless the task has a second development set.
Scores compute_scores(const Predictions& predictions, const Predictions& mismatched, const Task& task);

}  // namespace tunescope
