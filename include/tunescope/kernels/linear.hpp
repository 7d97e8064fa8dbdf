#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tunescope/kernels/batch_layout.hpp"
#include "tunescope/kernels/matmul.hpp"

namespace tunescope {

// What linear layers, y = x Wᵀ + b, compute besides their large matrix products (see `matmul`): their biases, and the
// whole layer where it is small, as a classifier's head is. K models, R rows, each of which belongs to one model.

/// Fills each row of `output` [R, N], contiguous, with the biases of the row's model. `biases` has, for each of the
/// layers whose outputs lie side by side, that of each model; N is the sum of their widths.
void fill_with_bias(const at::Tensor& output, std::span<const PerModelTensors> biases, const RowLayout& rows);

/// db of each model: the column sums of its rows of `output_gradient` dy [R, N], whose rows may be parts of wider ones.
/// Model k owns rows model_offsets[k] ... model_offsets[k+1]-1, `model_offsets` [K+1], and has targets[k] [N]. On a GPU
/// the order of each sum is fixed.
void bias_gradients(const at::Tensor& output_gradient, std::span<const std::int64_t> model_offsets,
                    std::span<const GradientTarget> targets);

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
