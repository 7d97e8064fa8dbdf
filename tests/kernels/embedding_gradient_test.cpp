#include "tunescope/kernels/embedding_gradient.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "support/layouts.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using ::testing::ElementsAre;
using Numbers = std::vector<std::int64_t>;

TEST(IdOrder, ListsTheRowsOfEachIdInTheirOrder) {
  const BatchLayout layout = test::layout_of_ids({5, 2, 5, 7, 2, 5}, Numbers(6));
  const IdOrder& order = *layout.ids().front().order;
  EXPECT_THAT(order.rows.host, ElementsAre(1, 4, 0, 2, 5, 3));
  EXPECT_THAT(order.offsets.host, ElementsAre(0, 2, 5, 6));
  EXPECT_THAT(order.ids.host, ElementsAre(2, 5, 7));
  EXPECT_THAT(order.groups.host, ElementsAre(0, 0, 0));
  EXPECT_THAT(order.id_offsets.host, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(order.piece_offsets.host, ElementsAre(0, 1, 2, 3));
}

TEST(IdOrder, KeepsTheGroupsOfAnIdApart) {
  const BatchLayout layout = test::layout_of_ids({5, 2, 5, 5, 2}, {1, 0, 0, 1, 3});
  const IdOrder& order = *layout.ids().front().order;
  EXPECT_THAT(order.rows.host, ElementsAre(1, 4, 2, 0, 3));
  EXPECT_THAT(order.offsets.host, ElementsAre(0, 1, 2, 3, 5));
  EXPECT_THAT(order.ids.host, ElementsAre(2, 2, 5, 5));
  EXPECT_THAT(order.groups.host, ElementsAre(0, 3, 0, 1));
  EXPECT_THAT(order.id_offsets.host, ElementsAre(0, 2, 4));
}

TEST(IdOrder, CutsLongSegmentsIntoPieces) {
  const auto rows = static_cast<std::size_t>(2 * IdOrder::kPieceRows);
  Numbers ids(rows + 1, 3);
  ids.push_back(4);
  const BatchLayout layout = test::layout_of_ids(ids, Numbers(ids.size()));
  const IdOrder& order = *layout.ids().front().order;
  EXPECT_THAT(order.piece_offsets.host, ElementsAre(0, 3, 4));
  EXPECT_THAT(order.piece_segments.host, ElementsAre(0, 0, 0, 1));
}

TEST(IdOrder, OfNoRowsHasNoSegments) {
  IdOrder order;
  const CopiedNumbers copied(order_ids({}, {}, order), at::kCPU);
  EXPECT_EQ(order.ids.size(), 0U);
  EXPECT_THAT(order.offsets.host, ElementsAre(0));
}

TEST(IdOrder, RefusesNegativeIdsAndMissingGroups) {
  IdOrder order;
  EXPECT_THROW(order_ids(Numbers{1, -1}, Numbers{0, 0}, order), Error);
  EXPECT_THROW(order_ids(Numbers{1, 1}, Numbers{0}, order), Error);
}

Numbers numbers_of(const at::Tensor& ids) {
  return {ids.const_data_ptr<std::int64_t>(), ids.const_data_ptr<std::int64_t>() + ids.numel()};
}

void add_gradient(const GradientTarget& target, const at::Tensor& rows, const at::Tensor& ids) {
  const BatchLayout layout = test::layout_of_ids(numbers_of(ids), Numbers(static_cast<std::size_t>(ids.numel())));
  embedding_gradients(rows, layout.ids().front(), Numbers{0, rows.size(0)}, std::array{target});
}

TEST(EmbeddingGradients, SumTheRowsOfEachId) {
  const at::Tensor rows = at::tensor({1.0F, 2.0F, 10.0F, 20.0F, 100.0F, 200.0F}).view({3, 2});
  const at::Tensor ids = at::tensor({2, 0, 2}, at::kLong);
  const at::Tensor table = at::full({4, 2}, 7.0F);
  add_gradient({table, Accumulate::kNo}, rows, ids);
  const at::Tensor sums = at::tensor({10.0F, 20.0F, 0.0F, 0.0F, 101.0F, 202.0F, 0.0F, 0.0F}).view({4, 2});
  EXPECT_TRUE(table.equal(sums));
  add_gradient({table, Accumulate::kYes}, rows, ids);
  EXPECT_TRUE(table.equal(sums.mul(2)));
}

// As token types have it.
TEST(EmbeddingGradients, OfFewIdsWithManyRowsEach) {
  for (const std::int64_t width : {21, 384}) {
    const at::Tensor rows = at::randn({2048, width});
    const at::Tensor ids = at::randint(2, {2048}, at::TensorOptions(at::kLong));
    const at::Tensor exact = at::zeros({2, width}, at::kDouble).index_add_(0, ids, rows.to(at::kDouble));
    at::Tensor table = at::zeros({2, width});
    add_gradient({table, Accumulate::kNo}, rows, ids);
    EXPECT_LT(table.to(at::kDouble).sub(exact).abs().max().item<double>(), 2e-4);
    const at::Tensor again = at::zeros({2, width});
    add_gradient({again, Accumulate::kNo}, rows, ids);
    EXPECT_TRUE(table.equal(again));
  }
}

TEST(EmbeddingGradients, NeedNoOrder) {
  const at::Tensor ids = at::tensor({1, 1}, at::kLong);
  const at::Tensor table = at::zeros({2, 1});
  embedding_gradients(at::tensor({1.0F, 2.0F}).view({2, 1}), {ids}, Numbers{0, 2}, std::array{GradientTarget{table}});
  EXPECT_TRUE(table.equal(at::tensor({0.0F, 3.0F}).view({2, 1})));
}

TEST(EmbeddingGradients, RefuseAnOrderOfOtherRows) {
  const at::Tensor ids = at::tensor({1, 1}, at::kLong);
  const BatchLayout other_rows = test::layout_of_ids({1, 1, 1}, {0, 0, 0});
  const BatchLayout other_models = test::layout_of_ids({1, 1}, {0, 1});
  for (const BatchLayout* wrong : {&other_rows, &other_models}) {
    EXPECT_THROW(embedding_gradients(at::zeros({2, 1}), {ids, wrong->ids().front().order}, Numbers{0, 2},
                                     std::array{GradientTarget{at::zeros({2, 1})}}),
                 Error);
  }
}

}  // namespace
}  // namespace tunescope
