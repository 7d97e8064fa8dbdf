#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "tunescope/kernels/dropout.hpp"

namespace tunescope {

// Layer normalization (Ba et al. 2016), fused with what precedes it in BERT, so that a row is read and written once:
//   at the end of a block:         y = LayerNorm(dropout(x + b) + r)
//   at the bottom of the network:  y = dropout(LayerNorm(sum of the rows of the embedding tables))
// LayerNorm(z) = (z - mean) rstd w + b', with mean and standard deviation over the H numbers of a row. These functions
// compute the gradients of x and r; a `GradientSink` asks for those of w and b' if it needs them.

struct LayerNormWeights {
  PerModelTensors weight;  ///< [H] for each model
  PerModelTensors bias;    ///< [H] for each model
  double epsilon = 0.0;
};

/// What the backward pass of layer normalization reads. T rows of width H.
struct LayerNormActivations {
  at::Tensor input;  ///< [T, H], the sum that is normalized
  at::Tensor mean;   ///< [T, 1]
  at::Tensor rstd;   ///< [T, 1], reciprocal of the standard deviation
};

/// The other terms of the sum that is normalized at the end of a block: y = LayerNorm(dropout(x + b) + r).
struct ResidualSum {
  const PerModelTensors& bias;  ///< b, [H] for each model
  const at::Tensor& residual;   ///< r, [T, H]
};
/// Returns y [T, H]. On entry `saved.input` is x [T, H], the output of a linear layer before its bias is added; on
/// return it is the sum that was normalized, and the rest of `saved` is filled.
at::Tensor residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                               const Dropout& dropout, LayerNormActivations& saved);

/// Gradients of the two terms. Both are the same tensor if there is no dropout.
struct ResidualGradients {
  at::Tensor residual;  ///< gradient of r, [T, H]
  at::Tensor branch;    ///< gradient of x, [T, H]
};
/// Computes them from the gradient of y [T, H].
ResidualGradients residual_layer_norm_backward(const at::Tensor& output_gradient, const PerModelTensors& weight,
                                               const RowLayout& rows, const Dropout& dropout,
                                               const LayerNormActivations& saved);

/// Gradients of the parameters of one model.
struct LayerNormParameterGradients {
  at::Tensor weight;  ///< of w [H]
  at::Tensor bias;    ///< of b' [H]
};
/// Computes them from the gradient of y [T, H].
LayerNormParameterGradients layer_norm_parameter_gradients(const at::Tensor& output_gradient,
                                                           const LayerNormActivations& saved);

/// An embedding table, and the row of it that is added to each row of the result.
struct EmbeddingLookup {
  PerModelTensors table;  ///< [V, H] for each model
  const at::Tensor& ids;  ///< [T] int64
};
/// Returns y = dropout(LayerNorm(sum of the tables' rows)) [T, H] and fills `saved`. On the CPU, throws `ModelError` if
/// an id is not in its table; on other devices the caller must ensure it.
at::Tensor embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const Dropout& dropout, LayerNormActivations& saved);

}  // namespace tunescope
