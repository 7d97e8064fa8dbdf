#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/per_example_squares.hpp"

namespace tunescope {

using AddSquaredProducts = void(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                                std::span<const std::int64_t> offsets);

using AddSquaredSums = void(const at::Tensor& sums, const at::Tensor& rows, std::span<const std::int64_t> offsets);
using AddSquaredScatters = void(const at::Tensor& sums, const at::Tensor& ids, const at::Tensor& rows,
                                const at::Tensor& groups);

const Kernel<AddSquaredProducts>& add_squared_products_kernel();
const Kernel<AddSquaredSums>& add_squared_sums_kernel();
const Kernel<AddSquaredScatters>& add_squared_scatters_kernel();

namespace cpu {
// float32 only.
AddSquaredProducts add_squared_products;
// ATen's sums, the groups split over the threads.
AddSquaredSums add_squared_sums;
}  // namespace cpu

namespace aten {
// Group by group.
AddSquaredProducts add_squared_products;
AddSquaredSums add_squared_sums;
AddSquaredScatters add_squared_scatters;
}  // namespace aten

}  // namespace tunescope
