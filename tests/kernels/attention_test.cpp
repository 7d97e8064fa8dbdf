#include "tunescope/kernels/attention.hpp"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <gtest/gtest.h>

#include <vector>

#include "kernels/attention_backends.hpp"
#include "support/finite_differences.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kHeads = 3;
constexpr std::int64_t kHidden = 12;
const std::vector<std::int64_t> kOffsets = {0, 5, 6, 14};
const std::vector<std::int64_t> kExamples = {4, 0, 9};
const std::vector<std::uint64_t> kKeys = {3, 3, 8};
const AttentionLayout kLayout{kOffsets, {kExamples, kKeys}, kHeads};

at::Tensor random_rows(std::int64_t width) { return at::randn({14, width}, at::TensorOptions().dtype(at::kDouble)); }

at::Tensor heads(const at::Tensor& rows, std::int64_t part, std::int64_t first, std::int64_t length) {
  return rows.narrow(0, first, length)
      .narrow(1, part * kHidden, kHidden)
      .view({length, kHeads, kHidden / kHeads})
      .transpose(0, 1);
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).abs().max().item<double>(); }

TEST(Attention, EqualsTorchOnEachSequence) {
  const at::Tensor projections = random_rows(3 * kHidden);
  const AttentionOutput output = attention(projections, kLayout, {});
  for (std::size_t b = 0; b < kExamples.size(); ++b) {
    const std::int64_t first = kOffsets[b];
    const std::int64_t length = kOffsets[b + 1] - first;
    const at::Tensor expected =
        at::scaled_dot_product_attention(heads(projections, 0, first, length), heads(projections, 1, first, length),
                                         heads(projections, 2, first, length));
    EXPECT_LT(largest_difference(heads(output.context, 0, first, length), expected), 1e-12);
  }
}

class AttentionWithDropout : public ::testing::TestWithParam<double> {};

TEST_P(AttentionWithDropout, EqualsTheCompositionOfTorchOperations) {
  const Dropout dropout{.probability = GetParam(), .site = 2};
  const at::Tensor projections = random_rows(3 * kHidden);
  const at::Tensor context_gradient = random_rows(kHidden);
  const AttentionOutput output = attention(projections, kLayout, dropout);
  const at::Tensor gradient = attention_backward(context_gradient, output.probabilities, projections, kLayout, dropout);
  const AttentionOutput expected{at::empty_like(output.context), at::empty_like(output.probabilities)};
  const at::Tensor expected_gradient = at::empty_like(gradient);
  const AttentionTensors tensors{projections, expected.probabilities, kLayout, dropout};
  composed::attention(tensors, expected.context);
  composed::attention_backward(tensors, context_gradient, expected_gradient);
  EXPECT_LT(largest_difference(output.probabilities, expected.probabilities), 1e-12);
  EXPECT_LT(largest_difference(output.context, expected.context), 1e-12);
  EXPECT_LT(largest_difference(gradient, expected_gradient), 1e-12);
}

TEST_P(AttentionWithDropout, DifferentiatesAsFiniteDifferences) {
  const Dropout dropout{.probability = GetParam(), .site = 2};
  const at::Tensor projections = random_rows(3 * kHidden);
  const at::Tensor weights = random_rows(kHidden);
  const auto value = [&] { return attention(projections, kLayout, dropout).context.mul(weights).sum().item<double>(); };
  const at::Tensor gradient = attention_backward(weights, attention(projections, kLayout, dropout).probabilities,
                                                 projections, kLayout, dropout);
  test::expect_finite_differences(value, projections, gradient, 1e-7);
}

INSTANTIATE_TEST_SUITE_P(Dropout, AttentionWithDropout, ::testing::Values(0.0, 0.3));

}  // namespace
}  // namespace tunescope
