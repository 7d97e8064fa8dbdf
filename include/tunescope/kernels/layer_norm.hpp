#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "tunescope/kernels/row_layout.hpp"

namespace tunescope {

struct LayerNormWeights {
  PerModelTensors weight;  ///< [H] each
  PerModelTensors bias;    ///< [H] each
  double epsilon = 0.0;
};

/// What the backward pass of layer normalisation needs. T rows of width H.
struct LayerNormActivations {
  at::Tensor input;  ///< [T, H]
  at::Tensor mean;   ///< [T, 1]
  at::Tensor rstd;   ///< [T, 1], reciprocal of the standard deviation
};

/// The end of a block of a transformer layer: y = LayerNorm(dropout(x + b) + r), normalised over H (Ba et al. 2016).
struct ResidualSum {
  const PerModelTensors& bias;  ///< b, [H] each
  const at::Tensor& residual;   ///< r, [T, H]
};
/// `saved.input` is x [T, H], a matrix product without its bias, and becomes what is normalised. Returns y [T, H].
at::Tensor residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                               const Dropout& dropout, LayerNormActivations& saved);

/// One tensor twice where there is no dropout.
struct ResidualGradients {
  at::Tensor residual;  ///< of r, [T, H]
  at::Tensor product;   ///< of x, [T, H]
};
/// From the gradient of y [T, H].
ResidualGradients residual_layer_norm_backward(const at::Tensor& output_gradient, const PerModelTensors& weight,
                                               const RowLayout& rows, const Dropout& dropout,
                                               const LayerNormActivations& saved);

/// Rows of a table, one for each row of the result.
struct EmbeddingLookup {
  PerModelTensors table;  ///< [V, H] each
  const at::Tensor& ids;  ///< [T] int64
};
/// y = dropout(LayerNorm(sum of the tables' rows)) [T, H]. Fills `saved`. Throws on the CPU where an id is not in its
/// table; elsewhere ids have to be right.
at::Tensor embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const Dropout& dropout, LayerNormActivations& saved);

}  // namespace tunescope
