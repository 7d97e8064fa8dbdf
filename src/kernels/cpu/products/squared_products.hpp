#pragma once

#include <cstdint>
#include <span>

namespace tunescope {

/// A row-major float32 matrix whose rows are `stride` elements apart.
struct MatrixView {
  const float* data = nullptr;
  std::int64_t columns = 0;
  std::int64_t stride = 0;
};

/// sums += Σ_g (dY_gᵀ X_g)² on one thread, for `output_gradient` dY [T, rows] and `input` X [T, columns]. Group g is
/// rows offsets[g] ... offsets[g+1]-1. `sums` is row-major with `input.columns` columns. Squares are summed over the
/// groups in float32, and the result is added in float64.
void add_squared_products_on_cpu(double* sums, const MatrixView& output_gradient, const MatrixView& input,
                                 std::span<const std::int64_t> offsets);

}  // namespace tunescope
