#include "tunescope/kernels/matmul.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "backends/matmul.hpp"
#include "cpu/products/blas.hpp"

namespace tunescope {
namespace {

template <typename Work>
double fastest_of_some(Work work) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRounds = 5;
  double fastest = std::numeric_limits<double>::infinity();
  work();  // warms up threads and caches
  for (int round = 0; round < kRounds; ++round) {
    const Clock::time_point begin = Clock::now();
    work();
    fastest = std::min(fastest, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return fastest;
}

}  // namespace

const Kernel<Matmul>& matmul_kernel() {
  static const Kernel<Matmul> kernel{"matmul", aten::matmul, cpu::matmul, cuda::matmul};
  return kernel;
}

void check_operands(std::string_view kernel, const at::Tensor& a, const at::Tensor& b, const at::Tensor& c) {
  check_contract(
      a.dim() == 2 && b.dim() == 2 && a.size(1) == b.size(0) && c.size(0) == a.size(0) && c.size(1) == b.size(1),
      kernel, "A, B and C are not [m, k], [k, n] and [m, n]");
  const bool is_bfloat16 = a.scalar_type() == at::kBFloat16;
  check_contract(a.scalar_type() == b.scalar_type() && (is_bfloat16 || a.scalar_type() == c.scalar_type()), kernel,
                 "the operands are neither both of the result's type nor both bfloat16");
}

void matmul(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Accumulate accumulate, double scale) {
  const Kernel<Matmul>& kernel = matmul_kernel();
  check_operands(kernel.name, a, b, c);
  const bool is_bfloat16 = a.scalar_type() == at::kBFloat16;
  const Kernel<Matmul>::Covered covered{
      .by_cpu = is_bfloat16 && c.scalar_type() == at::kFloat && cpu::has_bfloat16_gemm(),
      .by_cuda = is_bfloat16 && c.scalar_type() == at::kFloat};
  if (has_numbers(c)) kernel.on(c.device(), covered)(a, b, c, accumulate, scale);
}

double measure_bfloat16_speedup(std::int64_t inputs, std::int64_t outputs) {
  constexpr std::int64_t kRows = 256;
  const at::Tensor input = at::randn({kRows, inputs});
  const at::Tensor weight = at::randn({outputs, inputs});
  const at::Tensor bfloat16_weight = weight.to(at::kBFloat16);
  const at::Tensor output = at::empty({kRows, outputs}, input.options());
  const double exact = fastest_of_some([&] { matmul(input, weight.t(), output); });
  return exact / fastest_of_some([&] { matmul(input.to(at::kBFloat16), bfloat16_weight.t(), output); });
}

}  // namespace tunescope
