#include "tunescope/kernels/matmul.hpp"

#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <tuple>

#include "kernels/cpu/products/blas.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kM = 13;
constexpr std::int64_t kN = 36;
constexpr std::int64_t kK = 24;

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).abs().max().item<double>(); }

at::Tensor float64(const at::Tensor& tensor) { return tensor.to(at::kDouble); }

at::Tensor random_operand(std::int64_t rows, std::int64_t columns, bool is_transposed, at::ScalarType type) {
  return is_transposed ? at::randn({columns, rows}).to(type).t() : at::randn({rows, columns}).to(type);
}

class Matmul : public ::testing::TestWithParam<std::tuple<at::ScalarType, bool, bool>> {};

TEST_P(Matmul, OverwritesOrAccumulates) {
  const auto [type, is_a_transposed, is_b_transposed] = GetParam();
  const at::Tensor a = random_operand(kM, kK, is_a_transposed, type);
  const at::Tensor b = random_operand(kK, kN, is_b_transposed, type);
  const at::Tensor expected = at::mm(float64(a), float64(b));
  const at::Tensor c = at::randn({kM, kN});
  const at::Tensor before = float64(c);
  matmul(a, b, c, Accumulate::kYes);
  EXPECT_LT(largest_difference(float64(c), before.add(expected)), 2e-5);
  matmul(a, b, c);
  EXPECT_LT(largest_difference(float64(c), expected), 2e-5);
}

TEST_P(Matmul, LeavesWhatLiesNextToItsResult) {
  const auto [type, is_a_transposed, is_b_transposed] = GetParam();
  const at::Tensor a = random_operand(kM, kK, is_a_transposed, type);
  const at::Tensor b = random_operand(kK, kN, is_b_transposed, type);
  const at::Tensor wide = at::randn({kM, kN + 20});
  const at::Tensor before = wide.clone();
  matmul(a, b, wide.narrow(1, 5, kN));
  EXPECT_LT(largest_difference(float64(wide.narrow(1, 5, kN)), at::mm(float64(a), float64(b))), 2e-5);
  EXPECT_TRUE(wide.narrow(1, 0, 5).equal(before.narrow(1, 0, 5)));
  EXPECT_TRUE(wide.narrow(1, kN + 5, 15).equal(before.narrow(1, kN + 5, 15)));
}

INSTANTIATE_TEST_SUITE_P(Types, Matmul,
                         ::testing::Combine(::testing::Values(at::kFloat, at::kBFloat16), ::testing::Bool(),
                                            ::testing::Bool()));

// Sums of bfloat16 numbers would be off in the third digit.
TEST(Matmul, OfBfloat16IsSummedInFloat32) {
  if (!cpu::has_bfloat16_gemm()) GTEST_SKIP() << "this LibTorch's BLAS has no product of bfloat16 numbers";
  const at::Tensor a = at::randn({4, 4096}).abs().to(at::kBFloat16);
  const at::Tensor b = at::randn({4096, 4}).abs().to(at::kBFloat16);
  const at::Tensor c = at::randn({4, 4});
  matmul(a, b, c);
  const at::Tensor expected = at::mm(float64(a), float64(b));
  EXPECT_LT(largest_difference(float64(c), expected), 1e-5 * expected.max().item<double>());
}

TEST(Bfloat16Speedup, IsMeasured) { EXPECT_GT(measure_bfloat16_speedup(64, 256), 0.0); }

}  // namespace
}  // namespace tunescope
