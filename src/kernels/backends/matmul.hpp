#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/matmul.hpp"

namespace tunescope {

using Matmul = void(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Accumulate accumulate, double scale);

const Kernel<Matmul>& matmul_kernel();

/// Throws `Error` unless shapes and types are those of the contract.
void check_operands(std::string_view kernel, const at::Tensor& a, const at::Tensor& b, const at::Tensor& c);

namespace cpu {
// bfloat16 operands and a float32 result only, where `has_bfloat16_gemm()`: ATen's products are as fast for the other
// types.
Matmul matmul;
}  // namespace cpu

namespace cuda {
// bfloat16 operands and a float32 result only. Null in a build without CUDA.
extern Matmul* const matmul;
}  // namespace cuda

namespace aten {
Matmul matmul;
}  // namespace aten

}  // namespace tunescope
