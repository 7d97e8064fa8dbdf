#include "tunescope/data/packed_batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "support/small_dataset.hpp"

namespace tunescope {
namespace {

using test::example;
using test::numbered_dataset;
using test::tokenize;
using ::testing::ElementsAre;

std::vector<std::int64_t> integers(const at::Tensor& tensor) {
  EXPECT_EQ(tensor.scalar_type(), at::kLong);
  const auto* data = tensor.const_data_ptr<std::int64_t>();
  return {data, data + tensor.numel()};
}

TEST(SplitByTokens, CutsConsecutiveRunsOfAtMostThatManyTokens) {
  // Lengths 1 2 3 4 5: 1+2+3 = 6 | 4 | 5.
  EXPECT_THAT(split_by_tokens(numbered_dataset(5), 6),
              ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3), ElementsAre(4)));
}

TEST(SplitByTokens, GivesALongerExampleARunOfItsOwn) {
  EXPECT_THAT(split_by_tokens(numbered_dataset(4), 2),
              ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2), ElementsAre(3)));
}

TEST(SplitByTokens, OfNoExamplesIsEmpty) { EXPECT_TRUE(split_by_tokens(Dataset{}, 10).empty()); }

TEST(Pack, LaysTheNamedExamplesEndToEndInTheirOrder) {
  const Dataset dataset = tokenize("RTE", {example("a", "bd", "entailment", 2), example("b b", "c", "entailment", 3),
                                           example("c", "a a", "not_entailment", 4)});
  const PackedBatch batch = pack(dataset, std::vector<std::int64_t>{2, 0}, false, at::kCPU);
  EXPECT_THAT(batch.examples, ElementsAre(2, 0));
  EXPECT_THAT(batch.sequence_offsets, ElementsAre(0, 6, 12));
  EXPECT_EQ(batch.token_count(), 12);
  EXPECT_EQ(batch.sequence_count(), 2);
  EXPECT_THAT(integers(batch.token_ids), ElementsAre(2, 7, 3, 5, 5, 3, 2, 5, 3, 6, 8, 3));
  EXPECT_THAT(integers(batch.type_ids), ElementsAre(0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1));
  EXPECT_THAT(integers(batch.position_ids), ElementsAre(0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5));
  EXPECT_THAT(integers(batch.first_tokens), ElementsAre(0, 6));
  EXPECT_THAT(integers(batch.labels), ElementsAre(1, 0));
}

TEST(Pack, GivesRegressionLabelsAsFloats) {
  const Dataset dataset = tokenize("STS-B", {example("a", "b", "2.5", 2), example("b", "c", "0.75", 3)});
  const PackedBatch batch = pack(dataset, std::vector<std::int64_t>{0, 1}, true, at::kCPU);
  ASSERT_EQ(batch.labels.scalar_type(), at::kFloat);
  EXPECT_EQ(batch.labels.const_data_ptr<float>()[0], 2.5F);
  EXPECT_EQ(batch.labels.const_data_ptr<float>()[1], 0.75F);
}

}  // namespace
}  // namespace tunescope
