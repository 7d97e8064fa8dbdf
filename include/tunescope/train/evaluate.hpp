#pragma once

#include <functional>
#include <optional>

#include "tunescope/data/dataset.hpp"
#include "tunescope/model/bert.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {

/// The model's outputs on every example, in evaluation mode; nothing where `keep_going`, asked before each pass over a
/// few thousand tokens, says no. A pass that does not fit into memory is made in parts.
std::optional<Predictions> predict(const Bert& bert, const Parameters& parameters, const Dataset& dataset,
                                   const Task& task, const std::function<bool()>& keep_going);

/// Mean loss of predictions: cross-entropy, or squared error of a regression task.
double mean_loss(const Predictions& predictions, const Task& task);

/// A task's metrics; `mismatched` is empty unless the task has a second development set.
Scores score(const Predictions& predictions, const Predictions& mismatched, const Task& task);

}  // namespace tunescope
