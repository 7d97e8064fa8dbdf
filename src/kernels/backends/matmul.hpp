#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/matmul.hpp"

namespace tunescope {

using Matmul = void(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Accumulate accumulate);

const Kernel<Matmul>& matmul_kernel();

namespace cpu {
// bfloat16 operands only, where `has_bfloat16_gemm()`: ATen's products are as fast for the other types.
Matmul matmul;
}  // namespace cpu

namespace aten {
Matmul matmul;
}  // namespace aten

}  // namespace tunescope
