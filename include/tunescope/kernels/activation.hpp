#pragma once

#include <ATen/core/Tensor.h>

#include "tunescope/kernels/batch_layout.hpp"
#include "tunescope/kernels/matmul.hpp"

namespace tunescope {

/// The function between the two linear layers of a feed-forward block. Names in `config.json`: "gelu" (exact, with
/// erf), "gelu_new" and "gelu_pytorch_tanh" (tanh approximation; both Hendrycks and Gimpel 2016), "relu", "silu" and
/// "swish", "tanh".
enum class Activation { kGelu, kGeluTanh, kRelu, kSilu, kTanh };

/// Returns f(x + b) [T, I], elementwise, and stores x + b in `values`, since the backward pass needs it. `values` is x
/// [T, I], the output of a linear layer before its bias is added; `bias` is b, [I] for each model.
TypedResult bias_activation(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                            const RowLayout& rows, ResultTypes types = ResultTypes::kOwn);

/// The gradient of `input` of f, given the gradient of its output. Both are [T, I].
TypedResult activation_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient,
                                ResultTypes types = ResultTypes::kOwn);

}  // namespace tunescope
