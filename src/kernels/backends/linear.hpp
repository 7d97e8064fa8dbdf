#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/linear.hpp"

namespace tunescope {

// See `fill_with_bias` and so on; `logits` and `gradient` are the results.
using FillWithBias = void(const at::Tensor& output, std::span<const PerModelTensors> biases, const RowLayout& rows);
using MultiplyRows = void(const at::Tensor& input, std::span<const ScaledColumns> columns, const RowLayout& rows,
                          const at::Tensor& output);
using VectorGradients = void(std::span<const VectorGradient> gradients);
using HeadLogits = void(const at::Tensor& input, const PerModelTensors& weight, const PerModelTensors& bias,
                        const RowLayout& rows, std::span<const at::Tensor> logits);
using HeadInputGradient = void(std::span<const at::Tensor> logit_gradients, const PerModelTensors& weight,
                               const RowLayout& rows, const at::Tensor& gradient);
using HeadParameterGradients = void(std::span<const at::Tensor> logit_gradients, const at::Tensor& input,
                                    const RowLayout& rows, std::span<const HeadTargets> targets);

const Kernel<FillWithBias>& fill_with_bias_kernel();
const Kernel<MultiplyRows>& multiply_rows_kernel();
const Kernel<VectorGradients>& vector_gradients_kernel();
const Kernel<HeadLogits>& head_logits_kernel();
const Kernel<HeadInputGradient>& head_input_gradient_kernel();
const Kernel<HeadParameterGradients>& head_parameter_gradients_kernel();

namespace cpu {
MultiplyRows multiply_rows;
VectorGradients vector_gradients;
}  // namespace cpu

namespace cuda {
// All models in one launch, float32 only. Null in a build without CUDA.
extern FillWithBias* const fill_with_bias;
extern MultiplyRows* const multiply_rows;
extern VectorGradients* const vector_gradients;
extern HeadLogits* const head_logits;
extern HeadInputGradient* const head_input_gradient;
extern HeadParameterGradients* const head_parameter_gradients;
}  // namespace cuda

namespace aten {
// Model by model.
FillWithBias fill_with_bias;
MultiplyRows multiply_rows;
VectorGradients vector_gradients;
HeadLogits head_logits;
HeadInputGradient head_input_gradient;
HeadParameterGradients head_parameter_gradients;
}  // namespace aten

}  // namespace tunescope
