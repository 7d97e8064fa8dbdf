#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <utility>

#include "tunescope/kernels/dropout.hpp"
#include "tunescope/kernels/matmul.hpp"

namespace tunescope {

// Layer normalization (Ba et al. 2016), fused with what precedes it, so that a row is read and written once:
//   at the end of a block:         y = LayerNorm(dropout(x + b) + r)
//   at the bottom of the network:  y = dropout(LayerNorm(sum of the rows of the embedding tables))
// In BERT y alone goes on. Where blocks begin with LayerNorm, as in GPT-2, the sum that is normalized goes on too, as r
// of the next block, and dropout at the bottom comes before LayerNorm.
// LayerNorm(z) = (z - mean) rstd w + b', with mean and standard deviation over the H numbers of a row. These functions
// compute the gradients of x and r; a `GradientSink` asks for those of w and b' if it needs them. On a GPU each is one
// launch for up to 32 models, in float32 and for H up to 8,192.

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

/// What the forward functions write besides: those of these tensors that are defined, contiguous and on the device of
/// y. They save launches of their own for what reads y next.
struct LayerNormExtras {
  at::Tensor bfloat16;        ///< [T, H] bfloat16: y, rounded
  at::Tensor output_squares;  ///< [T] of the type of y: for each row, the sum of the squares of y
  at::Tensor branch_squares;  ///< [T]; likewise of dropout(x + b); of `residual_layer_norm` only
};

/// The other terms of the sum that is normalized at the end of a block: y = LayerNorm(dropout(x + b) + r).
struct ResidualSum {
  const PerModelTensors& bias;  ///< b, [H] for each model
  const at::Tensor& residual;   ///< r, [T, H]
};
/// Returns y [T, H]. On entry `saved.input` is x [T, H], the output of a linear layer before its bias is added; on
/// return it is the sum that was normalized, and the rest of `saved` is filled.
at::Tensor residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                               const Dropout& dropout, LayerNormActivations& saved, const LayerNormExtras& extras = {});

/// Of what goes on after LayerNorm.
struct NormalizedGradients {
  NormalizedGradients(const at::Tensor& of_output, at::Tensor of_sum = {})
      : output(of_output), sum(std::move(of_sum)) {}

  const at::Tensor& output;  ///< of y, [T, H]
  at::Tensor sum;            ///< of the sum that is normalized, [T, H]; undefined: it does not go on
};
/// Gradients of the two terms. Both are the same tensor if there is no dropout.
struct ResidualGradients {
  at::Tensor residual;  ///< gradient of r, [T, H]
  at::Tensor branch;    ///< gradient of x, [T, H]
};
/// What the backward function writes besides, as `LayerNormExtras`.
struct ResidualGradientExtras {
  at::Tensor branch_bfloat16;   ///< [T, H] bfloat16: the gradient of x, rounded
  at::Tensor output_squares;    ///< [T] of the type of the gradients: for each row, the sum of squares of that of y
  at::Tensor residual_squares;  ///< [T]; likewise of that of r
};
/// Computes them.
ResidualGradients residual_layer_norm_backward(const NormalizedGradients& of_results, const PerModelTensors& weight,
                                               const RowLayout& rows, const Dropout& dropout,
                                               const LayerNormActivations& saved,
                                               const ResidualGradientExtras& extras = {});

/// Where the gradients of the parameters of one model go.
struct LayerNormTargets {
  GradientTarget weight, bias;
};
/// Computes the gradients of the parameters from that of y [T, H], with a pair of targets for each model. Of `rows` it
/// needs `model_offsets`, on the host, alone. A model without rows has the gradient 0.
void layer_norm_parameter_gradients(const at::Tensor& output_gradient, const LayerNormActivations& saved,
                                    const RowLayout& rows, std::span<const LayerNormTargets> targets);

/// An embedding table, and the row of it that is added to each row of the result.
struct EmbeddingLookup {
  PerModelTensors table;  ///< [V, H] for each model
  const at::Tensor& ids;  ///< [T] int64
};
/// At most one of them has a probability above 0.
struct EmbeddingDropout {
  Dropout of_sum = {};     ///< before LayerNorm
  Dropout of_output = {};  ///< after it
};
/// Returns y = dropout(LayerNorm(dropout(sum of the tables' rows))) [T, H] and fills `saved`. On the CPU, throws
/// `ModelError` if an id is not in its table; on other devices the caller must ensure it.
at::Tensor embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const EmbeddingDropout& dropout, LayerNormActivations& saved,
                                const LayerNormExtras& extras = {});

}  // namespace tunescope
