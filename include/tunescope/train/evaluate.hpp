#pragma once

#include "tunescope/data/dataset.hpp"
#include "tunescope/model/bert.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {

/// The model's outputs on every example, in evaluation mode.
Predictions predict(const Bert& bert, const Parameters& parameters, const Dataset& dataset, const Task& task);

/// Mean loss of predictions: cross-entropy, or squared error of a regression task.
double mean_loss(const Predictions& predictions, const Task& task);

/// A task's metrics; `mismatched` is empty unless the task has a second development set.
Scores score(const Predictions& predictions, const Predictions& mismatched, const Task& task);

}  // namespace tunescope
