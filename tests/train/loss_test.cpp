#include "tunescope/train/loss.hpp"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/finite_differences.hpp"

namespace tunescope {
namespace {

at::Tensor random_logits(std::int64_t outputs) { return at::randn({14, outputs}, at::kDouble).mul_(3.0); }

class CrossEntropy : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(CrossEntropy, IsThatOfATenAndDifferentiatesAsFiniteDifferences) {
  const at::Tensor logits = random_logits(GetParam());
  const at::Tensor labels = at::randint(GetParam(), {14}, at::kLong);
  const Loss loss = cross_entropy(logits, labels);
  EXPECT_NEAR(loss.value(), at::cross_entropy_loss(logits, labels).item<double>(), 1e-12);
  test::expect_finite_differences([&] { return cross_entropy(logits, labels).value(); }, logits, loss.logits_gradient,
                                  1e-8);
}

INSTANTIATE_TEST_SUITE_P(Classes, CrossEntropy, ::testing::Values(2, 3));

TEST(SquaredError, IsThatOfATenAndDifferentiatesAsFiniteDifferences) {
  const at::Tensor logits = random_logits(1);
  const at::Tensor labels = at::randn({14}, at::kDouble);
  const Loss loss = squared_error(logits, labels);
  EXPECT_NEAR(loss.value(), at::mse_loss(logits.squeeze(1), labels).item<double>(), 1e-12);
  test::expect_finite_differences([&] { return squared_error(logits, labels).value(); }, logits, loss.logits_gradient,
                                  1e-8);
}

// Of a large logit no exponential may overflow.
TEST(LargeLogits, HaveAFiniteCrossEntropy) {
  const at::Tensor logits = at::randn({4, 2}, at::kFloat).mul_(1e4);
  const Loss loss = cross_entropy(logits, at::randint(2, {4}, at::kLong));
  EXPECT_TRUE(std::isfinite(loss.value()));
  EXPECT_TRUE(loss.logits_gradient.isfinite().all().item<bool>());
}

}  // namespace
}  // namespace tunescope
