#include "../backends/matmul.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

namespace tunescope::cuda {
namespace {

void matmul_to_float32(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Accumulate accumulate,
                       double scale) {
  at::Tensor result = c;
  if (accumulate == Accumulate::kYes) {
    at::addmm_out(result, c, a, b, at::kFloat, 1, scale);
  } else {
    at::mm_out(result, a, b, at::kFloat);
    if (scale != 1.0) result.mul_(scale);
  }
}

}  // namespace

Matmul* const matmul = matmul_to_float32;

}  // namespace tunescope::cuda
