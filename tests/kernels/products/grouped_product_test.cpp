#include "tunescope/kernels/products/grouped_product.hpp"

#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <array>
#include <tuple>
#include <vector>

#include "kernels/cpu/products/blas.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

struct Size {
  std::int64_t m, n, k;
};

// Tall, wide and small results, cut into pieces or not, and sums of nothing.
const std::vector<Size> kOfLowRank = {{300, 8, 40}, {8, 300, 40}, {5, 7, 3}, {129, 129, 1}, {0, 8, 4}, {8, 4, 0}};
// With a product that GPUs take one by one.
const std::vector<Size> kOfHighRank = {{40, 48, 64}, {5, 7, 3}};

class GroupedProducts : public ::testing::TestWithParam<std::tuple<at::ScalarType, std::vector<Size>>> {};

TEST_P(GroupedProducts, AreScaledAndOverwriteOrAccumulate) {
  const auto& [type, sizes] = GetParam();
  if (type == at::kBFloat16 && !cpu::has_bfloat16_gemm()) GTEST_SKIP() << "sums would be rounded to bfloat16";
  const at::ScalarType type_of_results = type == at::kDouble ? at::kDouble : at::kFloat;
  for (const Accumulate accumulate : {Accumulate::kNo, Accumulate::kYes}) {
    std::vector<GroupedProduct> products;
    std::vector<at::Tensor> expected;
    for (const auto& [m, n, k] : sizes) {
      const at::Tensor wide = at::randn({m, n + 20}).to(type_of_results);
      const double scale = 0.25 * static_cast<double>(products.size() + 1);
      products.push_back(
          {at::randn({k, m}).to(type).t(), at::randn({k, n}).to(type), wide.narrow(1, 5, n), scale, accumulate});
      const auto& [a, b, c, unused, is_added] = products.back();
      at::Tensor whole = wide.to(at::kDouble);
      const at::Tensor product = at::mm(a.to(at::kDouble), b.to(at::kDouble)).mul(scale);
      whole.narrow(1, 5, n).mul_(accumulate == Accumulate::kYes ? 1.0 : 0.0).add_(product);
      expected.push_back(whole);
    }
    grouped_product(products);
    for (std::size_t i = 0; i < products.size(); ++i) {
      const auto& [m, n, k] = sizes[i];
      const at::Tensor whole = products[i].c.as_strided({m, n + 20}, {n + 20, 1}, 0);
      EXPECT_TRUE(whole.to(at::kDouble).allclose(expected[i], 1e-5, 1e-4)) << m << " x " << n << " x " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(TypesAndSizes, GroupedProducts,
                         ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                                            ::testing::Values(kOfLowRank, kOfHighRank)));

TEST(GroupedProduct, RefusesProductsOfDifferentTypes) {
  const auto product_in = [](at::ScalarType type) {
    const auto numbers = [&] { return at::randn({2, 2}).to(type); };
    return GroupedProduct{numbers(), numbers(), numbers()};
  };
  EXPECT_THROW(grouped_product(std::array{product_in(at::kFloat), product_in(at::kDouble)}), Error);
}

}  // namespace
}  // namespace tunescope
