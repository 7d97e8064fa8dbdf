#pragma once

#include "tunescope/kernels/activation.hpp"

namespace tunescope {

namespace cpu {
// Activation::kGelu only.
at::Tensor bias_gelu(const at::Tensor& values, const PerModelTensors& bias, const RowLayout& rows);
at::Tensor gelu_backward(const at::Tensor& input, const at::Tensor& output_gradient);
}  // namespace cpu

namespace aten {
// Composed of ATen operations: every activation, on any device.
at::Tensor bias_activation(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                           const RowLayout& rows);
at::Tensor activation_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient);
}  // namespace aten

}  // namespace tunescope
