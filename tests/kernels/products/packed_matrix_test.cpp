#include "tunescope/kernels/products/packed_matrix.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <tuple>

namespace tunescope {
namespace {

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.to(at::kDouble).sub(b.to(at::kDouble)).abs().max().item<double>();
}

// The inputs and outputs of layers, and sizes that are no multiple of anything.
class PackedMatrixOfShape : public ::testing::TestWithParam<std::tuple<std::int64_t, std::int64_t>> {
 protected:
  void SetUp() override {
    if (!PackedMatrix::is_supported()) GTEST_SKIP() << "this LibTorch's BLAS has no products with packed matrices";
  }
  at::Tensor weight_ = at::randn({std::get<1>(GetParam()), std::get<0>(GetParam())});
};

TEST_P(PackedMatrixOfShape, MultipliesAnyNumberOfRows) {
  const auto [inputs, outputs] = GetParam();
  for (const at::Tensor& matrix : {weight_.t(), weight_.t().contiguous()}) {
    const PackedMatrix packed(matrix);
    for (const std::int64_t rows : {1, 2, 5, 16, 47, 180, 256, 257, 700, 2100}) {
      const at::Tensor a = at::randn({rows, inputs});
      const at::Tensor expected = at::mm(a.to(at::kDouble), matrix.to(at::kDouble));
      const double tolerance = 4e-6 * static_cast<double>(inputs);
      const at::Tensor wide = at::randn({rows, outputs + 20});
      const at::Tensor before = wide.clone();
      const at::Tensor c = wide.narrow(1, 5, outputs);
      packed.multiply(a, c, Accumulate::kYes);
      EXPECT_LT(largest_difference(c, before.narrow(1, 5, outputs).add(expected)), tolerance) << rows;
      packed.multiply(a, c, Accumulate::kNo);
      EXPECT_LT(largest_difference(c, expected), tolerance) << rows;
      EXPECT_TRUE(wide.narrow(1, 0, 5).equal(before.narrow(1, 0, 5)));
      EXPECT_TRUE(wide.narrow(1, outputs + 5, 15).equal(before.narrow(1, outputs + 5, 15)));
    }
  }
}

TEST_P(PackedMatrixOfShape, GivesTheSameBitsAgain) {
  const PackedMatrix packed(weight_.t());
  const PackedMatrix again(weight_.clone().t());
  const at::Tensor a = at::randn({180, weight_.size(1)});
  const at::Tensor first = at::empty({180, weight_.size(0)});
  const at::Tensor second = at::empty({180, weight_.size(0)});
  packed.multiply(a, first, Accumulate::kNo);
  again.multiply(a, second, Accumulate::kNo);
  EXPECT_TRUE(first.equal(second));
}

INSTANTIATE_TEST_SUITE_P(Shapes, PackedMatrixOfShape,
                         ::testing::Values(std::tuple(33, 96), std::tuple(64, 128), std::tuple(384, 1152),
                                           std::tuple(1536, 384), std::tuple(768, 768), std::tuple(1021, 509)));

}  // namespace
}  // namespace tunescope
