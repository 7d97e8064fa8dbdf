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
  const PackedBatch batch = pack(dataset, std::vector<std::int64_t>{2, 0}, false);
  EXPECT_THAT(batch.examples, ElementsAre(2, 0));
  EXPECT_THAT(batch.sequence_offsets, ElementsAre(0, 6, 12));
  EXPECT_EQ(batch.token_count(), 12);
  EXPECT_EQ(batch.sequence_count(), 2);
  EXPECT_THAT(batch.token_ids, ElementsAre(2, 7, 3, 5, 5, 3, 2, 5, 3, 6, 8, 3));
  EXPECT_THAT(batch.type_ids, ElementsAre(0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1));
  ASSERT_EQ(batch.labels.scalar_type(), at::kLong);
  EXPECT_THAT(std::vector(batch.labels.const_data_ptr<std::int64_t>(), batch.labels.const_data_ptr<std::int64_t>() + 2),
              ElementsAre(1, 0));
}

TEST(Pack, GivesRegressionLabelsAsFloats) {
  const Dataset dataset = tokenize("STS-B", {example("a", "b", "2.5", 2), example("b", "c", "0.75", 3)});
  const PackedBatch batch = pack(dataset, std::vector<std::int64_t>{0, 1}, true);
  ASSERT_EQ(batch.labels.scalar_type(), at::kFloat);
  EXPECT_EQ(batch.labels.const_data_ptr<float>()[0], 2.5F);
  EXPECT_EQ(batch.labels.const_data_ptr<float>()[1], 0.75F);
}

TEST(Join, LaysBatchesEndToEnd) {
  const Dataset dataset = numbered_dataset(4);
  const PackedBatch first = pack(dataset, std::vector<std::int64_t>{1, 0}, false);
  const PackedBatch second = pack(dataset, std::vector<std::int64_t>{3}, false);
  const PackedBatch both = join(std::vector{&first, &second});
  const PackedBatch at_once = pack(dataset, std::vector<std::int64_t>{1, 0, 3}, false);
  EXPECT_EQ(both.token_ids, at_once.token_ids);
  EXPECT_EQ(both.type_ids, at_once.type_ids);
  EXPECT_EQ(both.examples, at_once.examples);
  EXPECT_THAT(both.sequence_offsets, ElementsAre(0, 2, 3, 7));
}

}  // namespace
}  // namespace tunescope
