#pragma once

#include <ATen/core/Tensor.h>

#include "tunescope/kernels/row_layout.hpp"

namespace tunescope {

/// The function between the two linear layers of a feed-forward block, by its name in `config.json`: "gelu" (exact,
/// erf), "gelu_new" and "gelu_pytorch_tanh" (tanh approximation), "relu", "silu" and "swish", "tanh".
enum class Activation { kGelu, kGeluTanh, kRelu, kSilu, kTanh };

/// f(x + b), element by element: `product` x [T, I], a matrix product without its bias, becomes x + b. `bias` [I] each.
at::Tensor bias_activation(Activation activation, const at::Tensor& product, const PerModelTensors& bias,
                           const RowLayout& rows);

/// The gradient of f's `input`, from that of its output, both [T, I].
at::Tensor activation_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient);

}  // namespace tunescope
