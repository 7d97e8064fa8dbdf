#include "tunescope/kernels/attention.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "support/finite_differences.hpp"
#include "support/layouts.hpp"
#include "tunescope/kernels/forced_kernels.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kHeads = 3;
constexpr std::int64_t kHidden = 12;
// Sequences of 5, 1 and 8 tokens, and a token of each that has the only query.
const BatchLayout kLayout({{0, 5, 6, 14}, {0, 2, 4}, {0, 2, 3}, {17, 17, 18}, {}, {2, 5, 13}}, at::kCPU);
const RowLayout& kTokens = kLayout.tokens();

AttentionLayout layout_of(const RowLayout& queries, bool is_causal = false) {
  return {queries, kTokens, kHeads, is_causal};
}

at::Tensor random_rows(std::int64_t count, std::int64_t width) {
  return at::randn({count, width}, at::TensorOptions().dtype(at::kDouble));
}

// The rows of key and value are not contiguous, as if they were columns of a wider tensor.
AttentionInputs random_inputs(const RowLayout& queries) {
  return {random_rows(queries.row_count(), kHidden),
          random_rows(kTokens.row_count(), 3 * kHidden).narrow(1, kHidden, 2 * kHidden)};
}

// [heads, rows, d] of one sequence.
at::Tensor heads(const at::Tensor& rows, const RowLayout& layout, std::size_t sequence, std::int64_t column = 0) {
  const std::int64_t first = layout.sequence_offsets[sequence];
  const std::int64_t count = layout.sequence_offsets[sequence + 1] - first;
  return rows.narrow(0, first, count)
      .narrow(1, column, kHidden)
      .view({count, kHeads, kHidden / kHeads})
      .transpose(0, 1);
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).abs().max().item<double>(); }

class Attention : public ::testing::TestWithParam<const RowLayout*> {};

TEST_P(Attention, EqualsTorchOnEachSequence) {
  const RowLayout& queries = *GetParam();
  const AttentionInputs inputs = random_inputs(queries);
  const AttentionOutput output = attention(inputs, layout_of(queries), {});
  for (std::size_t b = 0; b < kTokens.sequence_count(); ++b) {
    const at::Tensor expected =
        at::scaled_dot_product_attention(heads(inputs.query, queries, b), heads(inputs.key_value, kTokens, b),
                                         heads(inputs.key_value, kTokens, b, kHidden));
    EXPECT_LT(largest_difference(heads(output.context, queries, b), expected), 1e-12);
  }
}

TEST_P(Attention, ThatIsCausalEqualsTorchOnTheTokensUpToEach) {
  const RowLayout& queries = *GetParam();
  const AttentionInputs inputs = random_inputs(queries);
  AttentionLayout layout = layout_of(queries, true);
  layout.scale = 0.3;
  const at::Tensor context = attention(inputs, layout, {}).context;
  for (std::size_t b = 0; b < kTokens.sequence_count(); ++b) {
    const at::Tensor of_queries = heads(inputs.query, queries, b);
    for (std::int64_t query = 0; query < of_queries.size(1); ++query) {
      const std::int64_t row = queries.sequence_offsets[b] + query;
      const std::int64_t token = &queries == &kTokens ? row : queries.token_rows[static_cast<std::size_t>(row)];
      const std::int64_t visible = token - kTokens.sequence_offsets[b] + 1;
      const at::Tensor expected = at::scaled_dot_product_attention(
          of_queries.narrow(1, query, 1), heads(inputs.key_value, kTokens, b).narrow(1, 0, visible),
          heads(inputs.key_value, kTokens, b, kHidden).narrow(1, 0, visible), {}, 0.0, false, 0.3);
      EXPECT_LT(largest_difference(heads(context, queries, b).narrow(1, query, 1), expected), 1e-12);
    }
  }
}

class AttentionWithDropout : public ::testing::TestWithParam<std::tuple<const RowLayout*, double, bool>> {
 protected:
  const RowLayout& queries = *std::get<0>(GetParam());
  const Dropout dropout{.probability = std::get<1>(GetParam()), .site = 2};
  const AttentionLayout layout = layout_of(queries, std::get<2>(GetParam()));
  const AttentionInputs inputs = random_inputs(queries);
};

TEST_P(AttentionWithDropout, DifferentiatesAsFiniteDifferences) {
  const at::Tensor weights = random_rows(queries.row_count(), kHidden);
  const AttentionInputs own{inputs.query, inputs.key_value.contiguous()};
  const auto value = [&] { return attention(own, layout, dropout).context.mul(weights).sum().item<double>(); };
  const AttentionInputs gradients{at::empty_like(own.query), at::empty_like(own.key_value)};
  attention_backward(weights, attention(own, layout, dropout).saved, layout, dropout, {gradients});
  test::expect_finite_differences(value, own.query, gradients.query, 1e-7);
  test::expect_finite_differences(value, own.key_value, gradients.key_value, 1e-7);
}

// The backward pass of kernels for GPUs computes the probabilities again. A pass without numbers must know.
TEST(AttentionMemory, OnAGpuGrowsWithQueriesAndNotWithPairs) {
  const ForcedKernels gpu(KernelBackend::kCuda);
  const BatchLayout layout = test::layout_of({{5, 1}, {8}}, at::kMeta);
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(at::kMeta);
  const AttentionOutput output = attention({at::empty({14, kHidden}, options), at::empty({14, 2 * kHidden}, options)},
                                           {layout.tokens(), layout.tokens(), kHeads}, {});
  const std::vector<KernelBackends> kernels = kernel_backends();
  const bool has_kernel = std::ranges::find(kernels, "attention", &KernelBackends::name)->has_cuda;
  EXPECT_EQ(output.saved.softmax.numel(), kHeads * (has_kernel ? 14 : 25 + 1 + 64));
  EXPECT_EQ(output.saved.context.defined(), has_kernel);
}

// A query for every token, and one query per sequence.
const auto kQueries = ::testing::Values(&kLayout.tokens(), &kLayout.sequences());
INSTANTIATE_TEST_SUITE_P(Queries, Attention, kQueries);
INSTANTIATE_TEST_SUITE_P(Queries, AttentionWithDropout,
                         ::testing::Combine(kQueries, ::testing::Values(0.0, 0.3), ::testing::Bool()));

}  // namespace
}  // namespace tunescope
