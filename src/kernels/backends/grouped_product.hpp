#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/products/grouped_product.hpp"

namespace tunescope {

using GroupedProducts = void(std::span<const GroupedProduct> products);

const Kernel<GroupedProducts>& grouped_product_kernel();

namespace cpu {
// Of bfloat16 operands where `has_bfloat16_gemm()` only, with float32 results.
GroupedProducts grouped_product;
}  // namespace cpu

namespace cuda {
// With float32 results, if one of m, n and k is at most 32 in each product: larger ones keep a GPU busy by themselves.
// Null in a build without CUDA.
extern GroupedProducts* const grouped_product;
}  // namespace cuda

namespace aten {
// One after another.
GroupedProducts grouped_product;
}  // namespace aten

}  // namespace tunescope
