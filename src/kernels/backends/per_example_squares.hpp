#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/per_example_squares.hpp"

namespace tunescope {

using AddSquaredProducts = void(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                                std::span<const std::int64_t> offsets);

const Kernel<AddSquaredProducts>& add_squared_products_kernel();

namespace cpu {
// float32 only.
AddSquaredProducts add_squared_products;
}  // namespace cpu

namespace aten {
// Group by group.
AddSquaredProducts add_squared_products;
}  // namespace aten

}  // namespace tunescope
