#pragma once

#include <ATen/ops/empty_like.h>

#include "kernel.hpp"
#include "tunescope/kernels/activation.hpp"

namespace tunescope {

// See `bias_activation` and `activation_backward`; `output` and `gradient` are theirs, with the tensors that are
// wanted.
using BiasActivation = void(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                            const RowLayout& rows, const TypedResult& output);
using ActivationBackward = void(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient,
                                const TypedResult& gradient);

const Kernel<BiasActivation>& bias_activation_kernel();
const Kernel<ActivationBackward>& activation_backward_kernel();

namespace cpu {
// Activation::kGelu and kGeluTanh only.
BiasActivation bias_activation;
ActivationBackward activation_backward;
}  // namespace cpu

namespace cuda {
// float32 only. Null in a build without CUDA.
extern BiasActivation* const bias_activation;
extern ActivationBackward* const activation_backward;
}  // namespace cuda

namespace aten {
BiasActivation bias_activation;
ActivationBackward activation_backward;
}  // namespace aten

/// For backends that compute in the type of the arguments: calls `compute` with a tensor like `arguments` to fill, and
/// rounds it.
template <typename Compute>
void compute_and_round(const TypedResult& result, const at::Tensor& arguments, Compute compute) {
  const at::Tensor own = result.own.defined() ? result.own : at::empty_like(arguments);
  compute(own);
  if (result.bfloat16.defined()) result.bfloat16.copy_(own);
}

}  // namespace tunescope
