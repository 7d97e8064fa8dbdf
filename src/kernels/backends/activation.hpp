#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/activation.hpp"

namespace tunescope {

// See `bias_activation` and `activation_backward`; `output` and `gradient` are theirs.
using BiasActivation = void(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                            const RowLayout& rows, const at::Tensor& output);
using ActivationBackward = void(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient,
                                const at::Tensor& gradient);

const Kernel<BiasActivation>& bias_activation_kernel();
const Kernel<ActivationBackward>& activation_backward_kernel();

namespace cpu {
// Activation::kGelu only.
BiasActivation bias_activation;
ActivationBackward activation_backward;
}  // namespace cpu

namespace aten {
BiasActivation bias_activation;
ActivationBackward activation_backward;
}  // namespace aten

}  // namespace tunescope
