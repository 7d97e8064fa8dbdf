#pragma once

#include <string>
#include <vector>

#include "tunescope/method/method.hpp"
#include "tunescope/model/additions.hpp"

namespace tunescope {

/// The passes in which a Fisher run measures a model after a training. What the training's method has added is merged
/// into the model's weights, which are measured as they are then; bottlenecks, which cannot be merged, are in place and
/// are measured in the same passes. Tensors that are part of a weight now are measured in passes of their own, where
/// they are apart.
struct FisherPasses {
  /// Over the tensors of this pool, of a model with its head, and all that the method adds.
  FisherPasses(const Method& method, const ParameterCatalogue& model, const std::string& pool);

  /// Whether there is anything to measure in the passes over added tensors.
  bool measure_merged() const;

  Additions additions;          ///< of the method
  Additions unmerged;           ///< those that are not merged, behind the merged model
  std::vector<bool> of_model;   ///< by index of `unmerged.catalogue()`: whether the passes over the model measure it
  std::vector<bool> of_merged;  ///< likewise of `additions.catalogue()`, by the passes over added tensors
};

}  // namespace tunescope
