#include "tunescope/kernels/attention.hpp"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "kernels/attention_backends.hpp"
#include "support/finite_differences.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kHeads = 3;
constexpr std::int64_t kHidden = 12;
using Offsets = std::vector<std::int64_t>;
const Offsets kTokens = {0, 5, 6, 14};
const std::vector<std::int64_t> kExamples = {4, 0, 9};
const std::vector<std::uint64_t> kKeys = {3, 3, 8};

AttentionLayout layout_of(const Offsets& queries) { return {kTokens, queries, {kExamples, kKeys}, kHeads}; }

at::Tensor random_rows(std::int64_t count, std::int64_t width) {
  return at::randn({count, width}, at::TensorOptions().dtype(at::kDouble));
}

// The rows of key and value are not contiguous, as if they were columns of a wider tensor.
AttentionInputs random_inputs(const Offsets& queries) {
  return {random_rows(queries.back(), kHidden),
          random_rows(kTokens.back(), 3 * kHidden).narrow(1, kHidden, 2 * kHidden)};
}

// [heads, rows, d] of one sequence.
at::Tensor heads(const at::Tensor& rows, const Offsets& offsets, std::size_t sequence, std::int64_t column = 0) {
  const std::int64_t count = offsets[sequence + 1] - offsets[sequence];
  return rows.narrow(0, offsets[sequence], count)
      .narrow(1, column, kHidden)
      .view({count, kHeads, kHidden / kHeads})
      .transpose(0, 1);
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).abs().max().item<double>(); }

class Attention : public ::testing::TestWithParam<Offsets> {};

TEST_P(Attention, EqualsTorchOnEachSequence) {
  const Offsets& queries = GetParam();
  const AttentionInputs inputs = random_inputs(queries);
  const AttentionOutput output = attention(inputs, layout_of(queries), {});
  for (std::size_t b = 0; b < kExamples.size(); ++b) {
    const at::Tensor expected =
        at::scaled_dot_product_attention(heads(inputs.query, queries, b), heads(inputs.key_value, kTokens, b),
                                         heads(inputs.key_value, kTokens, b, kHidden));
    EXPECT_LT(largest_difference(heads(output.context, queries, b), expected), 1e-12);
  }
}

class AttentionWithDropout : public ::testing::TestWithParam<std::tuple<Offsets, double>> {
 protected:
  const Offsets queries = std::get<0>(GetParam());
  const Dropout dropout{.probability = std::get<1>(GetParam()), .site = 2};
  const AttentionLayout layout = layout_of(queries);
  const AttentionInputs inputs = random_inputs(queries);
};

TEST_P(AttentionWithDropout, EqualsTheCompositionOfTorchOperations) {
  const at::Tensor context_gradient = random_rows(queries.back(), kHidden);
  const AttentionOutput output = attention(inputs, layout, dropout);
  const AttentionInputs gradients = attention_backward(context_gradient, output.probabilities, inputs, layout, dropout);
  const AttentionOutput expected{at::empty_like(output.context), at::empty_like(output.probabilities)};
  const AttentionInputs expected_gradients{at::empty_like(gradients.query), at::empty_like(gradients.key_value)};
  const AttentionTensors tensors{inputs, expected.probabilities, layout, dropout};
  aten::attention(tensors, expected.context);
  aten::attention_backward(tensors, context_gradient, expected_gradients);
  EXPECT_LT(largest_difference(output.probabilities, expected.probabilities), 1e-12);
  EXPECT_LT(largest_difference(output.context, expected.context), 1e-12);
  EXPECT_LT(largest_difference(gradients.query, expected_gradients.query), 1e-12);
  EXPECT_LT(largest_difference(gradients.key_value, expected_gradients.key_value), 1e-12);
}

TEST_P(AttentionWithDropout, DifferentiatesAsFiniteDifferences) {
  const at::Tensor weights = random_rows(queries.back(), kHidden);
  const AttentionInputs own{inputs.query, inputs.key_value.contiguous()};
  const auto value = [&] { return attention(own, layout, dropout).context.mul(weights).sum().item<double>(); };
  const AttentionInputs gradients =
      attention_backward(weights, attention(own, layout, dropout).probabilities, own, layout, dropout);
  test::expect_finite_differences(value, own.query, gradients.query, 1e-7);
  test::expect_finite_differences(value, own.key_value, gradients.key_value, 1e-7);
}

// A query for every token, and one query per sequence.
const auto kQueries = ::testing::Values(kTokens, Offsets{0, 1, 2, 3});
INSTANTIATE_TEST_SUITE_P(Queries, Attention, kQueries);
INSTANTIATE_TEST_SUITE_P(Queries, AttentionWithDropout, ::testing::Combine(kQueries, ::testing::Values(0.0, 0.3)));

}  // namespace
}  // namespace tunescope
