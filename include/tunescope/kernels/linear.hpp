#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tunescope/kernels/batch_layout.hpp"
#include "tunescope/kernels/matmul.hpp"

namespace tunescope {

// What linear layers, y = x Wᵀ + b, compute besides their large matrix products (see `matmul`): their biases, vectors
// that their inputs or outputs are multiplied by, and the whole layer where it is small, as a classifier's head is. K
// models, R rows, each of which belongs to one model.

/// Fills each row of `output` [R, N], contiguous, with the biases of the row's model. `biases` has, for each of the
/// layers whose outputs lie side by side, that of each model; N is the sum of their widths.
void fill_with_bias(const at::Tensor& output, std::span<const PerModelTensors> biases, const RowLayout& rows);

/// Some columns of a tensor, and the vector [width] by which each model multiplies them; undefined: by none.
struct ScaledColumns {
  std::int64_t width = 0;
  PerModelTensors vectors;
};
/// l ⊙ x: each row of `input` [R, N], multiplied by the vectors of the row's model. `columns` lie side by side, and N
/// is the sum of their widths. `output` may be the input; both are contiguous.
void multiply_rows(const at::Tensor& input, std::span<const ScaledColumns> columns, const RowLayout& rows,
                   const at::Tensor& output);

/// The gradient [N] of a vector that a model has added to rows, the column sums of dy, or multiplied them by, the
/// column sums of dy ⊙ x. dy and x [the model's rows, N] may be parts of wider rows.
struct VectorGradient {
  at::Tensor output_gradient;  ///< dy
  at::Tensor input;            ///< x; undefined: the vector was added
  GradientTarget target;
};
/// Computes some of them. The order of each sum is fixed, if a CPU or GPU kernel takes it.
void vector_gradients(std::span<const VectorGradient> gradients);

/// db of each model that has a target [N], from its rows of `output_gradient` dy [R, N].
void bias_gradients(const at::Tensor& output_gradient, const RowLayout& rows, std::span<const GradientTarget> targets);

// The head. The models may have different numbers of outputs, O_k, which are few. B sequences.

/// The logits of each model, [its sequences, O_k]: views of one flat buffer. `input` [B, H], `weight` [O_k, H] and
/// `bias` [O_k] of each model; undefined: the layer has none.
std::vector<at::Tensor> head_logits(const at::Tensor& input, const PerModelTensors& weight, const PerModelTensors& bias,
                                    const RowLayout& rows);

/// The gradient of the input, dy W [B, H]. `logit_gradients` has dy of each model, contiguous; where it is undefined,
/// the result is zero.
at::Tensor head_input_gradient(std::span<const at::Tensor> logit_gradients, const PerModelTensors& weight,
                               const RowLayout& rows);

/// Where the gradients of one model's head go.
struct HeadTargets {
  GradientTarget weight;  ///< [O_k, H]
  GradientTarget bias;    ///< [O_k]
};
/// dW = dyᵀ x and db = column sums of dy of each model that has a `logit_gradients`. The order of each sum is fixed.
void head_parameter_gradients(std::span<const at::Tensor> logit_gradients, const at::Tensor& input,
                              const RowLayout& rows, std::span<const HeadTargets> targets);

}  // namespace tunescope
