#pragma once

#include <ATen/core/Tensor.h>

#include "tunescope/kernels/layer_norm.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// Receives the operands of every parameter gradient from the backward pass and decides what to compute from them.
///
/// Every parameter gradient is a reduction over rows: of a linear layer, dW = dyᵀ x sums the outer product of each
/// token's output gradient and input. What one needs of it differs: training needs the sum itself, Fisher information
/// the square of each example's part before it is summed. The backward pass therefore never computes a parameter
/// gradient. It computes dy, which the layer below needs anyway, and hands x and dy to the sink. Nothing is computed
/// for a frozen parameter, and a new use of gradients is a new sink, not a new backward pass.
class GradientSink {
 public:
  virtual ~GradientSink() = default;

  /// The smallest index of a parameter that needs a gradient. The backward pass ends there, since parameters are
  /// numbered in forward order.
  virtual ParameterIndex first_needing_gradient() const = 0;

  /// For y = x Wᵀ + b: dW = dyᵀ x, db = column sums of dy. `input` x [T, in], `output_gradient` dy [T, out].
  virtual void on_linear(const LinearParameters& parameters, const at::Tensor& input,
                         const at::Tensor& output_gradient) = 0;

  /// For y = w x̂ + b: dw = column sums of dy x̂, db = column sums of dy. `output_gradient` dy [T, H].
  virtual void on_layer_norm(const LayerNormParameters& parameters, const LayerNormActivations& activations,
                             const at::Tensor& output_gradient) = 0;

  /// For y_t = table[ids_t]: dy_t is added to row ids_t of the table's gradient. `ids` [T] int64, `output_gradient` dy
  /// [T, H].
  virtual void on_embedding(ParameterIndex table, const at::Tensor& ids, const at::Tensor& output_gradient) = 0;
};

}  // namespace tunescope
