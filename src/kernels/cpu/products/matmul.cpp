#include "kernels/backends/matmul.hpp"

#include "blas.hpp"

namespace tunescope::cpu {

void matmul(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Accumulate accumulate, double scale) {
  gemm(operand_of<at::BFloat16>(a), operand_of<at::BFloat16>(b), {c.mutable_data_ptr<float>(), c.stride(0)},
       {c.size(0), c.size(1), a.size(1)}, static_cast<float>(scale), accumulate == Accumulate::kYes);
}

}  // namespace tunescope::cpu
