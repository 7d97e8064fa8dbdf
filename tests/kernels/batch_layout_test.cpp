#include "tunescope/kernels/batch_layout.hpp"

#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/layouts.hpp"

namespace tunescope {
namespace {

using ::testing::ElementsAre;

TEST(BatchLayout, PlacesModelsSequencesAndPairs) {
  const BatchLayout layout({{0, 2, 5, 6}, {30, 10, 20}, {0, 2, 3}, {7, 7, 9}}, at::kCPU);
  const RowLayout& tokens = layout.tokens();
  EXPECT_THAT(tokens.model_offsets.host, ElementsAre(0, 5, 6));
  EXPECT_THAT(tokens.sequence_offsets.host, ElementsAre(0, 2, 5, 6));
  EXPECT_THAT(tokens.pair_offsets.host, ElementsAre(0, 4, 13, 14));
  EXPECT_THAT(tokens.streams.examples.host, ElementsAre(30, 10, 20));
  EXPECT_THAT(tokens.streams.keys.host, ElementsAre(7, 7, 9));
  EXPECT_THAT(tokens.row_sequences.host, ElementsAre(0, 0, 1, 1, 1, 2));
  EXPECT_THAT(tokens.sequence_models.host, ElementsAre(0, 0, 1));
  const RowLayout& sequences = layout.sequences();
  EXPECT_THAT(sequences.model_offsets.host, ElementsAre(0, 2, 3));
  EXPECT_THAT(sequences.sequence_offsets.host, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(sequences.pair_offsets.host, ElementsAre(0, 2, 5, 6));
  EXPECT_THAT(sequences.row_sequences.host, ElementsAre(0, 1, 2));
  EXPECT_THAT(sequences.sequence_models.host, ElementsAre(0, 0, 1));
  EXPECT_THAT(sequences.streams.keys.host, ElementsAre(7, 7, 9));
}

TEST(BatchLayout, TellsTheSequencesOfAModelByTheRowsOfAll) {
  const BatchLayout layout = test::layout_of({{2, 3}, {}, {1, 4}});
  EXPECT_THAT(layout.tokens().sequence_offsets_of(0).host, ElementsAre(0, 2, 5));
  EXPECT_THAT(layout.tokens().sequence_offsets_of(1).host, ElementsAre(5));
  EXPECT_THAT(layout.tokens().sequence_offsets_of(2).host, ElementsAre(5, 6, 10));
  EXPECT_THAT(layout.sequences().sequence_offsets_of(2).host, ElementsAre(2, 3, 4));
}

TEST(BatchLayout, IsOneMemoryForHostAndDeviceOnTheCpu) {
  const BatchLayout layout = test::layout_of({{2, 3}});
  EXPECT_EQ(layout.tokens().sequence_offsets.host.data(), layout.tokens().sequence_offsets.device);
  EXPECT_EQ(layout.tokens().streams.keys.host.data(), layout.tokens().streams.keys.device);
}

TEST(BatchLayout, HasNoDropoutKeysWithoutDropout) {
  const BatchLayout layout({{0, 2}, {0}, {0, 1}, {}}, at::kCPU);
  EXPECT_EQ(layout.tokens().streams.keys.size(), 0U);
}

TEST(BatchLayout, HoldsThePooledTokensThatItIsGiven) {
  const BatchLayout layout({{0, 2, 5, 6}, {0, 1, 2}, {0, 3}, {}, {}, {1, 3, 5}}, at::kCPU);
  EXPECT_TRUE(layout.pooled_tokens().equal(at::tensor({1, 3, 5}, at::kLong)));
  EXPECT_THAT(layout.sequences().token_rows.host, ElementsAre(1, 3, 5));
  EXPECT_EQ(layout.tokens().token_rows.size(), 0U);
}

TEST(BatchLayout, HoldsFirstTokensIdsAndLabels) {
  const BatchLayout layout({{0, 2, 5, 6},
                            {0, 1, 2},
                            {0, 2, 3, 3},
                            {},
                            {{{4, 4, 5, 4, 6, 6}}, {{0, 1, 0, 1, 0, 0}, {0, 0, 0, 0, 0, 1}}},
                            {},
                            {at::tensor({0.5F, 1.5F, 2.5F}), {}, at::tensor({3}, at::kLong)}},
                           at::kCPU);
  EXPECT_TRUE(layout.pooled_tokens().equal(at::tensor({0, 2, 5}, at::kLong)));
  ASSERT_EQ(layout.ids().size(), 2U);
  EXPECT_TRUE(layout.ids()[0].of_rows.equal(at::tensor({4, 4, 5, 4, 6, 6}, at::kLong)));
  EXPECT_FALSE(layout.ids()[0].order);
  EXPECT_THAT(layout.ids()[1].order->rows.host, ElementsAre(0, 2, 4, 5, 1, 3));
  ASSERT_EQ(layout.labels().size(), 3U);
  EXPECT_TRUE(layout.labels()[0].equal(at::tensor({0.5F, 1.5F, 2.5F})));
  EXPECT_FALSE(layout.labels()[1].defined());
  EXPECT_TRUE(layout.labels()[2].equal(at::tensor({3}, at::kLong)));
}

}  // namespace
}  // namespace tunescope
