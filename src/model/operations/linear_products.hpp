#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "model/pass/recording.hpp"

namespace tunescope {

// Linear layers of one or more models at once. Each row is multiplied with the weight of its own model. If all models
// share the weight, which is the common case of a frozen backbone, one matrix product serves the rows of all of them;
// else there is one product per model. Key and value projections have the same input, so they are computed as
// one layer with the outputs side by side; if their weights are contiguous in memory (see `move_to`), this too is one
// product. What they multiply with weights is given as `Recording::operand` has it. Of several layers with one input,
// all or none have biases, and the weights are [out, in].

/// x Wᵀ + b for linear layers with the same input, their outputs side by side: [R, in] to [R, sum of their outputs].
at::Tensor apply_linear(Recording& pass, const RowLayout& rows, std::span<const LinearParameters> layers,
                        const at::Tensor& input);

/// The same without the biases, which some kernels add themselves.
at::Tensor linear_without_bias(Recording& pass, const RowLayout& rows, std::span<const LinearParameters> layers,
                               const at::Tensor& input);

/// Adds the gradient of the input, dy W, to `gradient` [R, in], which becomes a new tensor if it is undefined.
/// `output_gradient` dy [R, sum of the layers' outputs].
void add_input_gradient(Recording& pass, const RowLayout& rows, std::span<const LinearParameters> layers,
                        const at::Tensor& output_gradient, at::Tensor& gradient);

}  // namespace tunescope
