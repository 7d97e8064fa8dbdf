#include "tunescope/kernels/products/packed_matrix.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <new>
#include <vector>

#include "support/limited_allocator.hpp"

namespace tunescope {
namespace {

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.to(at::kDouble).sub(b.to(at::kDouble)).abs().max().item<double>();
}

std::vector<Packing> working_packings() {
  std::vector<Packing> packings;
  for (const Packing packing : {Packing::kMkl, Packing::kOneDnn}) {
    if (PackedMatrix::works(packing)) packings.push_back(packing);
  }
  return packings;
}

struct Shape {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
};

// By each library that multiplies by copies on this machine.
class PackedMatrixOfShape : public ::testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    if (packings_.empty()) GTEST_SKIP() << "this LibTorch has no products with packed matrices";
  }
  const std::vector<Packing> packings_ = working_packings();
  const Shape shape_ = GetParam();
  const at::Tensor weight_ = at::randn({shape_.outputs, shape_.inputs});
  const double tolerance_ = 4e-6 * static_cast<double>(shape_.inputs);
};

at::Tensor exact_product(const at::Tensor& a, const at::Tensor& b) {
  return at::mm(a.to(at::kDouble), b.to(at::kDouble));
}

constexpr std::array<std::int64_t, 10> kRowCounts = {1, 2, 5, 16, 47, 180, 256, 257, 700, 2100};

TEST_P(PackedMatrixOfShape, MultipliesAnyNumberOfRows) {
  const at::Tensor bias = at::randn({shape_.outputs});
  for (const Packing packing : packings_) {
    for (const at::Tensor& matrix : {weight_.t(), weight_.t().contiguous()}) {
      const PackedMatrix packed(matrix, packing);
      for (const std::int64_t rows : kRowCounts) {
        const at::Tensor a = at::randn({rows, shape_.inputs + 3}).narrow(1, 2, shape_.inputs);
        const at::Tensor expected = exact_product(a, matrix);
        EXPECT_LT(largest_difference(packed.product(a), expected), tolerance_) << rows;
        EXPECT_LT(largest_difference(packed.product(a, bias), expected.add(bias)), tolerance_) << rows;
      }
    }
  }
}

TEST_P(PackedMatrixOfShape, WritesIntoColumnsOfAWiderMatrix) {
  for (const Packing packing : packings_) {
    const PackedMatrix packed(weight_.t(), packing);
    for (const std::int64_t rows : kRowCounts) {
      const at::Tensor a = at::randn({rows, shape_.inputs});
      const at::Tensor expected = exact_product(a, weight_.t());
      const at::Tensor wide = at::randn({rows, shape_.outputs + 20});
      const at::Tensor before = wide.clone();
      const at::Tensor c = wide.narrow(1, 5, shape_.outputs);
      packed.multiply(a, c, Accumulate::kYes);
      EXPECT_LT(largest_difference(c, before.narrow(1, 5, shape_.outputs).add(expected)), tolerance_) << rows;
      packed.multiply(a, c, Accumulate::kNo);
      EXPECT_LT(largest_difference(c, expected), tolerance_) << rows;
      EXPECT_TRUE(wide.narrow(1, 0, 5).equal(before.narrow(1, 0, 5)));
      EXPECT_TRUE(wide.narrow(1, shape_.outputs + 5, 15).equal(before.narrow(1, shape_.outputs + 5, 15)));
    }
  }
}

// Whatever lies in memory behind the operand, which some libraries read.
TEST_P(PackedMatrixOfShape, GivesTheSameBitsAgain) {
  for (const Packing packing : packings_) {
    const PackedMatrix packed(weight_.t(), packing);
    const PackedMatrix again(weight_.clone().t(), packing);
    const at::Tensor a = at::randn({181, shape_.inputs});
    const at::Tensor before_others = at::full({300, shape_.inputs}, std::numeric_limits<float>::quiet_NaN());
    before_others.narrow(0, 0, 181).copy_(a);
    EXPECT_TRUE(packed.product(a).equal(again.product(before_others.narrow(0, 0, 181))));
  }
}

TEST(PackedMatrix, WithoutMemoryThrowsBadAlloc) {
  const at::Tensor matrix = at::randn({64, 128});
  const auto pack_by_onednn = [&] { const PackedMatrix packed(matrix, Packing::kOneDnn); };
  if (!PackedMatrix::works(Packing::kOneDnn)) GTEST_SKIP() << "this LibTorch has no oneDNN";
  const test::LimitedAllocator no_memory(0);
  EXPECT_THROW(pack_by_onednn(), std::bad_alloc);
}

INSTANTIATE_TEST_SUITE_P(Shapes, PackedMatrixOfShape,
                         ::testing::Values(Shape{33, 96}, Shape{64, 128}, Shape{384, 1152}, Shape{1536, 384},
                                           Shape{768, 768}, Shape{1021, 509}));

}  // namespace
}  // namespace tunescope
