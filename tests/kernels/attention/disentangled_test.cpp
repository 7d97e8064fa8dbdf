#include "tunescope/kernels/attention/disentangled.hpp"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/finite_differences.hpp"
#include "support/layouts.hpp"
#include "tunescope/kernels/forced_kernels.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kHeads = 2;
constexpr std::int64_t kHidden = 6;
constexpr std::int64_t kNearest = 3;
constexpr double kScale = 0.4;

DisentangledInputs random_inputs(const RowLayout& queries, const BatchLayout& layout) {
  const auto rows = [](std::int64_t count, std::int64_t width) { return at::randn({count, width}, at::kDouble); };
  const std::int64_t positions = layout.distances().rows.row_count();
  return {{rows(queries.row_count(), kHidden), rows(layout.tokens().row_count(), 2 * kHidden)},
          rows(positions, kHidden),
          rows(positions, kHidden)};
}

DisentangledInputs gradients_like(const DisentangledInputs& inputs) {
  return {{at::empty_like(inputs.tokens.query), at::empty_like(inputs.tokens.key_value)},
          at::empty_like(inputs.position_key),
          at::empty_like(inputs.position_query)};
}

// The formula, pair by pair.
at::Tensor context_by_formula(const DisentangledInputs& inputs, const DisentangledLayout& layout, std::size_t sequence,
                              std::int64_t head) {
  const RowLayout& queries = layout.attention.queries;
  const RowLayout& tokens = layout.attention.tokens;
  const std::int64_t width = kHidden / layout.attention.heads;
  const auto part = [&](const at::Tensor& rows, std::int64_t row, std::int64_t column = 0) {
    return rows[row].narrow(0, column + head * width, width);
  };
  const std::int64_t first_query = queries.sequence_offsets[sequence];
  const std::int64_t first_token = tokens.sequence_offsets[sequence];
  const std::int64_t count = tokens.sequence_offsets[sequence + 1] - first_token;
  const std::int64_t query_count = queries.sequence_offsets[sequence + 1] - first_query;
  const LayoutNumbers<std::int64_t>& ids = layout.distances.ids;
  const at::Tensor scores = at::zeros({query_count, count}, at::kDouble);
  const at::Tensor values = at::zeros({count, width}, at::kDouble);
  for (std::int64_t k = 0; k < count; ++k) {
    values[k].copy_(part(inputs.tokens.key_value, first_token + k, kHidden));
    for (std::int64_t q = 0; q < query_count; ++q) {
      const auto place = static_cast<std::int64_t>(ids.size() / 2) + q - k;
      const std::int64_t row = layout.distances.origins[sequence] + ids[static_cast<std::size_t>(place)];
      const at::Tensor query = part(inputs.tokens.query, first_query + q);
      const at::Tensor key = part(inputs.tokens.key_value, first_token + k);
      const auto dot = [](const at::Tensor& one, const at::Tensor& other) { return one.dot(other).item<double>(); };
      const double sum =
          dot(query, key) + dot(query, part(inputs.position_key, row)) + dot(key, part(inputs.position_query, row));
      scores[q][k].fill_(kScale * sum);
    }
  }
  return scores.softmax(1).matmul(values);
}

struct DisentangledCase {
  bool has_all_queries;    // or one for each sequence
  bool skips_ids = false;  // so that there are more rows than distances
};

class DisentangledAttention : public ::testing::TestWithParam<DisentangledCase> {
 protected:
  const BatchLayout layout = test::layout_with_distances({{5, 1}, {9, 3}}, kNearest, at::kCPU, GetParam().skips_ids);
  const RowLayout& queries = GetParam().has_all_queries ? layout.tokens() : layout.sequences();
  const DisentangledLayout arguments{{queries, layout.tokens(), kHeads}, layout.distances(), kScale};
  const DisentangledInputs inputs = random_inputs(queries, layout);
};

TEST_P(DisentangledAttention, FollowsItsFormula) {
  const at::Tensor context = disentangled_attention(inputs, arguments, {}).context;
  for (std::size_t b = 0; b < queries.sequence_count(); ++b) {
    const std::int64_t first = queries.sequence_offsets[b];
    const at::Tensor own = context.narrow(0, first, queries.sequence_offsets[b + 1] - first);
    for (std::int64_t head = 0; head < kHeads; ++head) {
      const at::Tensor expected = context_by_formula(inputs, arguments, b, head);
      const at::Tensor found = own.narrow(1, head * kHidden / kHeads, kHidden / kHeads);
      EXPECT_LT(found.sub(expected).abs().max().item<double>(), 1e-12);
    }
  }
}

TEST_P(DisentangledAttention, DifferentiatesAsFiniteDifferences) {
  for (const double probability : {0.0, 0.3}) {
    const Dropout dropout{.probability = probability, .site = 2};
    const at::Tensor weights = at::randn({queries.row_count(), kHidden}, at::kDouble);
    const auto value = [&] {
      return disentangled_attention(inputs, arguments, dropout).context.mul(weights).sum().item<double>();
    };
    const DisentangledInputs gradients = gradients_like(inputs);
    disentangled_attention_backward(weights, disentangled_attention(inputs, arguments, dropout).saved, arguments,
                                    dropout, gradients);
    test::expect_finite_differences(value, inputs.tokens.query, gradients.tokens.query, 1e-7);
    test::expect_finite_differences(value, inputs.tokens.key_value, gradients.tokens.key_value, 1e-7);
    test::expect_finite_differences(value, inputs.position_key, gradients.position_key, 1e-7);
    test::expect_finite_differences(value, inputs.position_query, gradients.position_query, 1e-7);
  }
}

INSTANTIATE_TEST_SUITE_P(Queries, DisentangledAttention,
                         ::testing::Values(DisentangledCase{true}, DisentangledCase{false},
                                           DisentangledCase{true, true}, DisentangledCase{false, true}),
                         [](const auto& info) {
                           return std::string(info.param.has_all_queries ? "all" : "first") +
                                  (info.param.skips_ids ? "_of_skipped_ids" : "");
                         });

TEST(DisentangledSets, HaveTheSameGradientsToTheBitWhateverElseIsInTheBatch) {
  const BatchLayout both = test::layout_with_distances({{7, 4}, {9, 3}}, kNearest);
  const BatchLayout alone = test::layout_with_distances({{7, 4}}, kNearest);
  const std::int64_t tokens = alone.tokens().row_count();
  const std::int64_t positions = alone.distances().rows.row_count();
  const DisentangledInputs all = random_inputs(both.tokens(), both);
  const auto first = [](const at::Tensor& rows, std::int64_t count) { return rows.narrow(0, 0, count); };
  const DisentangledInputs some{{first(all.tokens.query, tokens), first(all.tokens.key_value, tokens)},
                                first(all.position_key, positions),
                                first(all.position_query, positions)};
  const auto gradients_of = [](const DisentangledInputs& inputs, const BatchLayout& layout) {
    const DisentangledLayout arguments{{layout.tokens(), layout.tokens(), kHeads}, layout.distances(), kScale};
    const DisentangledOutput output = disentangled_attention(inputs, arguments, {});
    const DisentangledInputs gradients = gradients_like(inputs);
    disentangled_attention_backward(output.context, output.saved, arguments, {}, gradients);
    return gradients;
  };
  const DisentangledInputs together = gradients_of(all, both);
  const DisentangledInputs expected = gradients_of(some, alone);
  EXPECT_TRUE(first(together.position_key, positions).equal(expected.position_key));
  EXPECT_TRUE(first(together.position_query, positions).equal(expected.position_query));
}

TEST(DistanceRows, AreThoseThatTheLongestSequenceOfASetNeeds) {
  const BatchLayout layout = test::layout_with_distances({{2, 1}, {}, {3}}, 8);  // distance d has id d + 6
  const DistanceRows& distances = layout.distances();
  const at::Tensor ids = distances.table_ids.of_rows;
  EXPECT_EQ(std::vector(ids.const_data_ptr<std::int64_t>(), ids.const_data_ptr<std::int64_t>() + ids.numel()),
            (std::vector<std::int64_t>{5, 6, 7, 4, 5, 6, 7, 8}));
  EXPECT_EQ(std::vector(distances.rows.model_offsets.host.begin(), distances.rows.model_offsets.host.end()),
            (std::vector<std::int64_t>{0, 3, 3, 8}));
  EXPECT_EQ(std::vector(distances.rows.sequence_offsets.host.begin(), distances.rows.sequence_offsets.host.end()),
            (std::vector<std::int64_t>{0, 3, 3, 8}));
  EXPECT_EQ(std::vector(distances.origins.host.begin(), distances.origins.host.end()),
            (std::vector<std::int64_t>{-5, -5, -1}));
}

}  // namespace
}  // namespace tunescope
