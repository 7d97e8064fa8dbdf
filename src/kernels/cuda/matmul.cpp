#include "../backends/matmul.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

namespace tunescope::cuda {
namespace {

void matmul_to_float32(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Accumulate accumulate) {
  at::Tensor result = c;
  if (accumulate == Accumulate::kYes) {
    at::addmm_out(result, c, a, b, at::kFloat);
  } else {
    at::mm_out(result, a, b, at::kFloat);
  }
}

}  // namespace

Matmul* const matmul = matmul_to_float32;

}  // namespace tunescope::cuda
