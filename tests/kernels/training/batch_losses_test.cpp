#include "tunescope/kernels/training/batch_losses.hpp"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/finite_differences.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

at::Tensor random_logits(std::int64_t outputs) { return at::randn({14, outputs}, at::kDouble).mul_(3.0); }

class CrossEntropy : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(CrossEntropy, IsThatOfATenAndDifferentiatesAsFiniteDifferences) {
  const at::Tensor logits = random_logits(GetParam());
  const at::Tensor labels = at::randint(GetParam(), {14}, at::kLong);
  const Loss loss = batch_loss(logits, labels);
  EXPECT_NEAR(loss.value(), at::cross_entropy_loss(logits, labels).item<double>(), 1e-12);
  test::expect_finite_differences([&] { return batch_loss(logits, labels).value(); }, logits, loss.logits_gradient,
                                  1e-8);
}

INSTANTIATE_TEST_SUITE_P(Classes, CrossEntropy, ::testing::Values(2, 3));

TEST(SquaredError, IsThatOfATenAndDifferentiatesAsFiniteDifferences) {
  const at::Tensor logits = random_logits(1);
  const at::Tensor labels = at::randn({14}, at::kDouble);
  const Loss loss = batch_loss(logits, labels);
  EXPECT_NEAR(loss.value(), at::mse_loss(logits.squeeze(1), labels).item<double>(), 1e-12);
  test::expect_finite_differences([&] { return batch_loss(logits, labels).value(); }, logits, loss.logits_gradient,
                                  1e-8);
}

// Of a large logit no exponential may overflow.
TEST(LargeLogits, HaveAFiniteCrossEntropy) {
  const at::Tensor logits = at::randn({4, 2}, at::kFloat).mul_(1e4);
  const Loss loss = batch_loss(logits, at::randint(2, {4}, at::kLong));
  EXPECT_TRUE(std::isfinite(loss.value()));
  EXPECT_TRUE(loss.logits_gradient.isfinite().all().item<bool>());
}

class LossesOfManyModels : public ::testing::TestWithParam<std::size_t> {};

// Models with one output are regression tasks.
TEST_P(LossesOfManyModels, AreThoseOfATenInFloat64) {
  std::vector<LossBatch> batches;
  for (std::size_t i = 0; i < GetParam(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    const std::int64_t examples = i == 0 ? 300 : 1 + 7 * number % 40;
    const std::int64_t outputs = 1 + number % 4;
    batches.push_back({.logits = at::randn({examples, outputs}).mul_(2.0),
                       .labels = outputs == 1 ? at::randn({examples}) : at::randint(outputs, {examples}, at::kLong),
                       .share = 1.0 / static_cast<double>(1 + i % 3),
                       .loss = at::full({}, 10.0, at::kDouble),
                       .accumulate = i % 2 == 0 ? Accumulate::kNo : Accumulate::kYes});
  }
  const std::vector<at::Tensor> gradients = batch_losses(batches);
  ASSERT_EQ(gradients.size(), batches.size());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    SCOPED_TRACE("model " + std::to_string(i));
    const auto& [logits, labels, share, loss, accumulate] = batches[i];
    const at::Tensor wide = logits.to(at::kDouble);
    const at::Tensor mean = labels.is_floating_point() ? at::mse_loss(wide.squeeze(1), labels.to(at::kDouble))
                                                       : at::cross_entropy_loss(wide, labels);
    const double before = accumulate == Accumulate::kYes ? 10.0 : 0.0;
    EXPECT_NEAR(loss.item<double>() - before, mean.item<double>() * share, 1e-6 * (1.0 + mean.item<double>()));
    const at::Tensor gradient =
        batch_loss(wide, labels.is_floating_point() ? labels.to(at::kDouble) : labels).logits_gradient.mul(share);
    EXPECT_LE(gradients[i].sub(gradient).abs().max().item<double>(), 1e-6 * gradient.abs().max().item<double>());
  }
}

INSTANTIATE_TEST_SUITE_P(Models, LossesOfManyModels, ::testing::Values(1, 3, 16, 33));

TEST(Losses, OfLogitsThatAreNotFiniteAreNaNInTheirModelAlone) {
  std::vector<LossBatch> batches;
  for (int model = 0; model < 3; ++model) {
    batches.push_back(
        {.logits = at::randn({5, 2}), .labels = at::randint(2, {5}, at::kLong), .loss = at::empty({}, at::kDouble)});
  }
  batches[0].logits[3][1] = std::numeric_limits<float>::quiet_NaN();
  batches[2].logits[3][1] = std::numeric_limits<float>::infinity();
  batch_losses(batches);
  EXPECT_TRUE(std::isnan(batches[0].loss.item<double>()));
  EXPECT_TRUE(std::isfinite(batches[1].loss.item<double>()));
  EXPECT_TRUE(std::isnan(batches[2].loss.item<double>()));
}

TEST(Losses, AreRefusedForLabelsThatDoNotFitTheLogits) {
  EXPECT_THROW(batch_loss(at::randn({4, 2}), at::zeros({3}, at::kLong)), Error);
  EXPECT_THROW(batch_loss(at::randn({4, 2}), at::randn({4})), Error);
  EXPECT_THROW(batch_loss(at::randn({4, 2}).t(), at::zeros({2}, at::kLong)), Error);
}

}  // namespace
}  // namespace tunescope
