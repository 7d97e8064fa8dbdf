#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "lane_rows.hpp"
#include "tunescope/model/bert_config.hpp"

namespace tunescope {

// Each row is computed with its lane's parameters; where all lanes share them, the rows of all at once.

/// Row ids_r of the table: `ids` [R] int64 to [R, H].
at::Tensor look_up(const LaneRows& rows, ParameterIndex table, const at::Tensor& ids);

/// x Wᵀ + b: [R, in] to [R, out].
at::Tensor linear(const LaneRows& rows, const LinearParameters& indices, const at::Tensor& input);

/// The gradient of `linear`'s input: dy W, [R, out] to [R, in].
at::Tensor linear_input_gradient(const LaneRows& rows, const LinearParameters& indices,
                                 const at::Tensor& output_gradient);

/// Several linear layers of one input, side by side: [R, in] to [R, all of their outputs]. Weights that follow each
/// other in memory are multiplied at once.
at::Tensor linear(const LaneRows& rows, std::span<const LinearParameters> layers, const at::Tensor& input);

/// The gradient of their input, from that of their outputs side by side.
at::Tensor linear_input_gradient(const LaneRows& rows, std::span<const LinearParameters> layers,
                                 const at::Tensor& output_gradient);

/// Layer normalisation over the last dimension (Ba et al. 2016); `activations.input` is the input, the rest is filled.
at::Tensor layer_norm(const LaneRows& rows, const LayerNormParameters& indices, double epsilon,
                      LayerNormActivations& activations);

/// The gradient of `layer_norm`'s input [R, H].
at::Tensor layer_norm_input_gradient(const LaneRows& rows, const LayerNormParameters& indices,
                                     const LayerNormActivations& activations, const at::Tensor& output_gradient);

/// The feed-forward block's activation function, element by element.
at::Tensor activate(Activation activation, const at::Tensor& input);

/// The gradient of `activate`'s input.
at::Tensor activate_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient);

}  // namespace tunescope
