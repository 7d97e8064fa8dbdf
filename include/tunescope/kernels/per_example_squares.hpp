#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace tunescope {

// Sums of squared per-example gradients, for the diagonal Fisher information. The gradient of one example is a sum over
// its tokens; it must be squared after that sum and before the sum over examples. The usual backward pass, which sums
// over the whole batch at once, cannot give it. These functions compute it from the operands of the gradient (see
// `GradientSink`) and never store the gradient of more than one example and one tile of the result.
//
// Rows offsets[g] ... offsets[g+1]-1 form group g. A group is the tokens of one example, or of several for the biased
// estimate from batches (see `FisherInputs::batch_size`).

/// For the weight of a linear layer: sums += Σ_g (dY_gᵀ X_g)², elementwise. `sums` [out, in] float64, `output_gradient`
/// dY [T, out], `input` X [T, in].
void add_squared_products(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                          std::span<const std::int64_t> offsets);

/// For a bias or a LayerNorm weight: sums += Σ_g (Σ_{t in g} rows_t)². `sums` [H] float64, `rows` [T, H].
void add_squared_sums(const at::Tensor& sums, const at::Tensor& rows, std::span<const std::int64_t> offsets);

/// For an embedding table: sums_v += Σ_g (Σ_{t in g, ids_t = v} rows_t)². Rows of the same id are summed within their
/// group before they are squared. `sums` [V, H] float64, `ids` [T] int64, `rows` [T, H], `groups` [T] int64: the number
/// of each row's group, on the device of the rows, which need not lie in the order of their groups.
void add_squared_scatters(const at::Tensor& sums, const at::Tensor& ids, const at::Tensor& rows,
                          const at::Tensor& groups);

}  // namespace tunescope
