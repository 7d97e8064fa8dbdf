#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/per_example_squares.hpp"

namespace tunescope {

using AddSquaredProducts = void(std::span<const SquaredSums> layers, const at::Tensor& output_gradient,
                                const at::Tensor& input, const RowGroups& groups);
using AddSquaredLayerNorm = void(const SquaredSums& sums, const at::Tensor& output_gradient,
                                 const LayerNormActivations& saved, const RowGroups& groups);
using AddSquaredScatters = void(const at::Tensor& sums, const EmbeddingIds& ids, const at::Tensor& rows,
                                const RowGroups& groups);

const Kernel<AddSquaredProducts>& add_squared_products_kernel();
const Kernel<AddSquaredLayerNorm>& add_squared_layer_norm_kernel();
const Kernel<AddSquaredScatters>& add_squared_scatters_kernel();

namespace cpu {
// float32 only.
AddSquaredProducts add_squared_products;
}  // namespace cpu

namespace cuda {
// float32 and bfloat16.
extern AddSquaredProducts* const add_squared_products;
// float32 only.
extern AddSquaredLayerNorm* const add_squared_layer_norm;
// In the order of the ids, which must have been made.
extern AddSquaredScatters* const add_squared_scatters;
}  // namespace cuda

namespace aten {
// Group by group.
AddSquaredProducts add_squared_products;
AddSquaredLayerNorm add_squared_layer_norm;
AddSquaredScatters add_squared_scatters;

/// sums += Σ_g (column sums of rows_g)². `sums` [H], `rows` [T, H]. The groups are split over the threads.
void add_squared_sums(const at::Tensor& sums, const at::Tensor& rows, const RowGroups& groups);
}  // namespace aten

}  // namespace tunescope
