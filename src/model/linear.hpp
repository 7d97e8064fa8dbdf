#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "model_rows.hpp"

namespace tunescope {

// Each row is computed with its lane's parameters; where all lanes share them, the rows of all at once.

/// x Wᵀ + b of linear layers with one input, side by side: [R, in] to [R, all of their outputs]. Weights that follow
/// each other in memory are multiplied at once.
at::Tensor linear(const ModelRows& rows, std::span<const LinearParameters> layers, const at::Tensor& input);

/// x Wᵀ, for kernels that add the bias.
at::Tensor product(const ModelRows& rows, const LinearParameters& layer, const at::Tensor& input);

/// The gradient of a linear layer's input: dy W, [R, out] to [R, in].
at::Tensor input_gradient(const ModelRows& rows, const LinearParameters& layer, const at::Tensor& output_gradient);

/// Adds to `gradient` [R, in] that of the input of layers whose outputs lie side by side.
void add_input_gradient(const ModelRows& rows, std::span<const LinearParameters> layers,
                        const at::Tensor& output_gradient, const at::Tensor& gradient);

}  // namespace tunescope
