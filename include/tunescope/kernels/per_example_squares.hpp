#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace tunescope {

// Sums, over groups of rows, of squared gradients. Rows offsets[g] ... offsets[g+1]-1 form group g; an example's tokens
// are a group for Fisher information. What is summed within a group is squared once, after the sum. No function stores
// a gradient for more than one group and one tile of the result.

/// sums += Σ_g (dY_gᵀ X_g)², elementwise. `sums` [out, in] float64, `output_gradient` dY [T, out], `input` X [T, in].
void add_squared_products(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                          std::span<const std::int64_t> offsets);

/// sums += Σ_g (Σ_{t in g} rows_t)². `sums` [H] float64, `rows` [T, H].
void add_squared_sums(const at::Tensor& sums, const at::Tensor& rows, std::span<const std::int64_t> offsets);

/// sums_v += Σ_g (Σ_{t in g, ids_t = v} rows_t)²: rows with one id are summed within their group before they are
/// squared. `sums` [V, H] float64, `ids` [T] int64, `rows` [T, H].
void add_squared_scatters(const at::Tensor& sums, const at::Tensor& ids, const at::Tensor& rows,
                          std::span<const std::int64_t> offsets);

}  // namespace tunescope
