#pragma once

#include <ATen/core/Tensor.h>

#include "tunescope/kernels/layer_norm.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// Receives, from the backward pass, the factors of every parameter's gradient and makes of them what it needs: the
/// gradient itself for training, sums over examples of squared gradients for Fisher information. The pass never
/// computes a parameter gradient, so nothing is computed for a parameter that nobody wants.
class GradientSink {
 public:
  virtual ~GradientSink() = default;

  /// The smallest wanted index: the backward pass ends there, since parameters are numbered in forward order.
  virtual ParameterIndex first_needing_gradient() const = 0;

  /// y = x Wᵀ + b: dW = dyᵀ x, db = column sums of dy. `input` x [T, in], `output_gradient` dy [T, out].
  virtual void linear(const LinearParameters& parameters, const at::Tensor& input,
                      const at::Tensor& output_gradient) = 0;

  /// y = w x̂ + b: dw = column sums of dy x̂, db = column sums of dy. `output_gradient` dy [T, H].
  virtual void layer_norm(const LayerNormParameters& parameters, const LayerNormActivations& activations,
                          const at::Tensor& output_gradient) = 0;

  /// y_t = table[ids_t]: row ids_t of the table's gradient gets dy_t. `ids` [T] int64, `output_gradient` [T, H].
  virtual void embedding(ParameterIndex table, const at::Tensor& ids, const at::Tensor& output_gradient) = 0;
};

}  // namespace tunescope
