#include "kernels/backends/matmul.hpp"

#include <algorithm>

#include "blas.hpp"

namespace tunescope::cpu {
namespace {

Matrix<const at::BFloat16> operand_of(const at::Tensor& matrix) {
  const auto* const data = matrix.const_data_ptr<at::BFloat16>();
  if (matrix.stride(1) == 1) return {data, std::max(matrix.stride(0), matrix.size(1))};
  return {data, matrix.stride(1), true};
}

}  // namespace

void matmul(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Accumulate accumulate) {
  gemm(operand_of(a), operand_of(b), {c.mutable_data_ptr<float>(), c.stride(0)}, {c.size(0), c.size(1), a.size(1)},
       accumulate == Accumulate::kYes);
}

}  // namespace tunescope::cpu
