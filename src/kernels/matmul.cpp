#include "tunescope/kernels/matmul.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "cpu/blas.hpp"

namespace tunescope {
namespace {

cpu::Matrix<const at::BFloat16> view(const at::Tensor& matrix) {
  const auto* const data = matrix.const_data_ptr<at::BFloat16>();
  if (matrix.stride(1) == 1) return {data, std::max(matrix.stride(0), matrix.size(1))};
  return {data, matrix.stride(1), true};
}

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

void matmul(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Accumulate accumulate) {
  const bool is_added = accumulate == Accumulate::kYes;
  if (a.scalar_type() != at::kBFloat16) {
    c.addmm_(a, b, is_added ? 1 : 0);
  } else if (c.is_cpu() && cpu::has_bfloat16_gemm()) {
    cpu::gemm(view(a), view(b), {c.mutable_data_ptr<float>(), c.stride(0)}, {c.size(0), c.size(1), a.size(1)},
              is_added);
  } else if (is_added) {
    c.add_(at::mm(a, b));
  } else {
    c.copy_(at::mm(a, b));
  }
}

double measure_bfloat16_speedup(at::Device device, std::int64_t inputs, std::int64_t outputs) {
  constexpr std::int64_t kRows = 256;
  const at::Tensor input = at::randn({kRows, inputs}).to(device);
  const at::Tensor weight = at::randn({outputs, inputs}).to(device);
  const at::Tensor bfloat16_weight = weight.to(at::kBFloat16);
  const at::Tensor output = at::empty({kRows, outputs}, input.options());
  const auto wait = [&] { output.view({-1})[0].item<float>(); };  // calls to a GPU return before the work is done
  const double exact = fastest_of_some([&] {
    matmul(input, weight.t(), output);
    wait();
  });
  return exact / fastest_of_some([&] {
           matmul(input.to(at::kBFloat16), bfloat16_weight.t(), output);
           wait();
         });
}

}  // namespace tunescope
