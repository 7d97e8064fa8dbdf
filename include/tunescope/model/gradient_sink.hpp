#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "tunescope/kernels/layer_norm.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// Where the sequences of a batch are in the rows of a tensor, whose first row has the number offsets[0]: sequence b
/// has those of numbers offsets[b] ... offsets[b+1]-1.
using SequenceOffsets = LayoutNumbers<std::int64_t>;  // [B+1]

/// The operands of the gradients of a linear layer in one of its uses, y = x Wᵀ + b: dW = dyᵀ x, db = column sums of
/// dy.
struct LinearFactors {
  at::Tensor input;            ///< x [R, in]; undefined if no sink of the pass needs dW
  at::Tensor output_gradient;  ///< dy [R, out]
  SequenceOffsets sequence_offsets;
};

/// For y = w x̂ + b: dw = column sums of dy x̂, db = column sums of dy.
struct LayerNormFactors {
  LayerNormActivations activations;  ///< of R rows
  at::Tensor output_gradient;        ///< dy [R, H]
  SequenceOffsets sequence_offsets;
};

/// For y_r = table[ids_r]: dy_r is added to row ids_r of the table's gradient.
struct EmbeddingFactors {
  at::Tensor ids;              ///< [R] int64
  at::Tensor output_gradient;  ///< dy [R, H]
  SequenceOffsets sequence_offsets;
};

/// Receives the operands of every parameter gradient from the backward pass and decides what to compute from them.
///
/// Every parameter gradient is a reduction over rows: of a linear layer, dW = dyᵀ x sums the outer product of each
/// token's output gradient and input. What one needs of it differs: training needs the sum itself, Fisher information
/// the square of each example's part before it is summed. The backward pass therefore never computes a parameter
/// gradient. It computes dy, which the layer below needs anyway, and hands x and dy to the sink. Nothing is computed
/// for a frozen parameter, and a new use of gradients is a new sink, not a new backward pass.
///
/// A pass may use a parameter several times; its gradient is the sum over all uses. The sink is told once per backward
/// pass, with all of them.
class GradientSink {
 public:
  virtual ~GradientSink() = default;

  /// Whether the gradient of a parameter is needed. The pass keeps and computes nothing for the others but the head's
  /// input, and nothing below the lowest of all. The functions below may still be called for layers of which only the
  /// other tensor, or only another model of the pass, needs one.
  virtual bool needs_gradient(ParameterIndex parameter) const = 0;

  virtual void on_linear(const LinearParameters& parameters, std::span<const LinearFactors> uses) = 0;
  virtual void on_layer_norm(const LayerNormParameters& parameters, std::span<const LayerNormFactors> uses) = 0;
  virtual void on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) = 0;
};

}  // namespace tunescope
