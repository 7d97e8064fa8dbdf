#pragma once

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "tunescope/kernels/batch_layout.hpp"
#include "tunescope/model/bfloat16_weights.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// The parameters of the models of a pass. Co-trained models share most of them: the same tensor objects.
class ModelParameters {
 public:
  /// `bfloat16_weights` is null if matrix products are in full precision.
  ModelParameters(std::vector<const Parameters*> models, const Bfloat16Weights* bfloat16_weights)
      : models_(std::move(models)), bfloat16_weights_(bfloat16_weights) {}

  std::size_t model_count() const { return models_.size(); }

  /// Whether all models have the same tensor object for this parameter, not just equal numbers.
  bool is_shared(ParameterIndex index) const;
  /// The first model's: everybody's if it is shared, and of everybody's shape in any case.
  const at::Tensor& first(ParameterIndex index) const { return (*models_.front())[index]; }
  const at::Tensor& of(std::size_t model, ParameterIndex index) const { return (*models_[model])[index]; }
  /// The parameter of each model, for kernels that use each row's own.
  PerModelTensors of_each(ParameterIndex index) const;

  /// See `matmul_operand`.
  at::Tensor operand(const at::Tensor& matrix) const { return matmul_operand(matrix, bfloat16_weights_); }

 private:
  std::vector<const Parameters*> models_;
  const Bfloat16Weights* bfloat16_weights_;
};

}  // namespace tunescope
