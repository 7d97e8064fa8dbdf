#pragma once

#include <ATen/core/Tensor.h>

#include "tunescope/model/bert_config.hpp"
#include "tunescope/model/gradient_sink.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope {

/// x Wᵀ + b: [T, in] to [T, out].
at::Tensor linear(const Parameters& parameters, const LinearParameters& indices, const at::Tensor& input);

/// The gradient of `linear`'s input: dy W, [T, out] to [T, in].
at::Tensor linear_input_gradient(const Parameters& parameters, const LinearParameters& indices,
                                 const at::Tensor& output_gradient);

/// Layer normalisation over the last dimension (Ba et al. 2016); `activations.input` is the input, the rest is filled.
at::Tensor layer_norm(const Parameters& parameters, const LayerNormParameters& indices, double epsilon,
                      LayerNormActivations& activations);

/// The gradient of `layer_norm`'s input [T, H].
at::Tensor layer_norm_input_gradient(const Parameters& parameters, const LayerNormParameters& indices,
                                     const LayerNormActivations& activations, const at::Tensor& output_gradient);

/// The feed-forward block's activation function, element by element.
at::Tensor activate(Activation activation, const at::Tensor& input);

/// The gradient of `activate`'s input.
at::Tensor activate_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient);

}  // namespace tunescope
