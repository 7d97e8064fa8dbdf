#include "tunescope/kernels/per_example_squares.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <vector>

#include "support/layouts.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using Offsets = std::vector<std::int64_t>;

const at::TensorOptions kDouble = at::TensorOptions().dtype(at::kDouble);
const Offsets kOffsets = {0, 1, 8, 8 + 33, 64};
const LayoutNumbers<std::int64_t> kSequences = {kOffsets, kOffsets.data()};
const RowGroups kGroups{kSequences};

// Of the weight of one layer alone.
void add_squared_product(const at::Tensor& sums, const at::Tensor& gradient, const at::Tensor& input) {
  const SquaredSums layer{sums, {}, gradient.size(1)};
  add_squared_products({&layer, 1}, gradient, input, kGroups);
}

at::Tensor centerd(std::int64_t rows, std::int64_t columns) { return at::rand({rows, columns}).sub_(0.5); }

double relative_l2(const at::Tensor& actual, const at::Tensor& expected) {
  return actual.sub(expected).norm().item<double>() / expected.norm().item<double>();
}

// The plain composition in float64.
at::Tensor squared_products(const at::Tensor& gradient, const at::Tensor& input, const Offsets& offsets) {
  at::Tensor sums = at::zeros({gradient.size(1), input.size(1)}, kDouble);
  for (std::size_t g = 0; g + 1 < offsets.size(); ++g) {
    const std::int64_t length = offsets[g + 1] - offsets[g];
    const at::Tensor product = gradient.narrow(0, offsets[g], length)
                                   .t()
                                   .to(at::kDouble)
                                   .mm(input.narrow(0, offsets[g], length).to(at::kDouble));
    sums.add_(product.square());
  }
  return sums;
}

// Shapes on both sides of every register tile, and of every block of rows.
TEST(PerExampleSquares, OfProductsEqualThePlainComposition) {
  for (const auto& [out, in] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {1, 1}, {3, 384}, {12, 32}, {13, 33}, {5, 7}, {96, 64}, {400, 300}, {2, 1536}, {1536, 5}}) {
    const at::Tensor gradient = centerd(64, out);
    const at::Tensor input = centerd(64, in);
    const at::Tensor sums = at::zeros({out, in}, kDouble).fill_(0.25);  // they are added to
    add_squared_product(sums, gradient, input);
    EXPECT_LT(relative_l2(sums, squared_products(gradient, input, kOffsets).add(0.25)), 1e-6) << out << " x " << in;
  }
}

TEST(PerExampleSquares, OfProductsAreExactInFloat64) {
  const at::Tensor gradient = centerd(64, 17).to(at::kDouble);
  const at::Tensor input = centerd(64, 40).to(at::kDouble);
  const at::Tensor sums = at::zeros({17, 40}, kDouble);
  add_squared_product(sums, gradient, input);
  EXPECT_LT(relative_l2(sums, squared_products(gradient, input, kOffsets)), 1e-14);
}

TEST(PerExampleSquares, OfProductsDoNotDependOnTheNumberOfThreads) {
  const at::Tensor gradient = centerd(64, 500);
  const at::Tensor input = centerd(64, 384);
  const int threads = at::get_num_threads();
  std::vector<at::Tensor> results;
  for (const int count : {1, 2, 3}) {
    at::set_num_threads(count);
    results.push_back(at::zeros({500, 384}, kDouble));
    add_squared_product(results.back(), gradient, input);
  }
  at::set_num_threads(threads);
  EXPECT_TRUE(results[1].equal(results[0]));
  EXPECT_TRUE(results[2].equal(results[0]));
}

TEST(PerExampleSquares, OfProductsTakeStridedInput) {
  const at::Tensor gradient = centerd(20, 64).t();
  const at::Tensor input = centerd(64, 30).narrow(1, 3, 20);
  const at::Tensor sums = at::zeros({20, 20}, kDouble);
  add_squared_product(sums, gradient, input);
  EXPECT_LT(relative_l2(sums, squared_products(gradient, input, kOffsets)), 1e-6);
}

at::Tensor squared_sums(const at::Tensor& rows) {
  at::Tensor sums = at::zeros({rows.size(1)}, kDouble);
  for (std::size_t g = 0; g + 1 < kOffsets.size(); ++g) {
    sums.add_(rows.narrow(0, kOffsets[g], kOffsets[g + 1] - kOffsets[g]).to(at::kDouble).sum(0).square());
  }
  return sums;
}

TEST(PerExampleSquares, OfLayersSideBySideAreThoseOfEachAlone) {
  const at::Tensor gradient = centerd(64, 10 + 3 + 21);
  const at::Tensor input = centerd(64, 15);
  const SquaredSums first{at::zeros({10, 15}, kDouble), at::zeros({10}, kDouble), 10};
  const SquaredSums unwanted{{}, {}, 3};
  const SquaredSums last{{}, at::zeros({21}, kDouble), 21};
  add_squared_products(std::array{first, unwanted, last}, gradient, input, kGroups);
  EXPECT_LT(relative_l2(first.weight, squared_products(gradient.narrow(1, 0, 10), input, kOffsets)), 1e-6);
  EXPECT_LT(relative_l2(first.bias, squared_sums(gradient.narrow(1, 0, 10))), 1e-6);
  EXPECT_LT(relative_l2(last.bias, squared_sums(gradient.narrow(1, 13, 21))), 1e-6);
}

// Also from where the matrix instruction of a GPU cannot read.
TEST(PerExampleSquares, InBfloat16TakeColumnsOfAWiderTensor) {
  const at::Tensor gradient = centerd(64, 40).to(at::kBFloat16);
  const at::Tensor input = centerd(64, 48).to(at::kBFloat16);
  for (const std::int64_t first : {8, 3}) {
    const at::Tensor own_gradient = gradient.narrow(1, first, 16);
    const at::Tensor own_input = input.narrow(1, first, 24);
    const SquaredSums unwanted{{}, {}, 8};
    const SquaredSums of_weight{at::zeros({8, 24}, kDouble), at::zeros({8}, kDouble), 8};
    add_squared_products(std::array{unwanted, of_weight}, own_gradient, own_input, kGroups);
    const at::Tensor own = own_gradient.narrow(1, 8, 8).to(at::kDouble);
    EXPECT_LT(relative_l2(of_weight.weight, squared_products(own, own_input.to(at::kDouble), kOffsets)), 1e-6) << first;
    EXPECT_LT(relative_l2(of_weight.bias, squared_sums(own)), 1e-6) << first;
  }
}

TEST(PerExampleSquares, OfBiasesAloneInBfloat16) {
  const at::Tensor gradient = centerd(64, 16).to(at::kBFloat16);
  const SquaredSums sums{{}, at::zeros({16}, kDouble), 16};
  add_squared_products({&sums, 1}, gradient, {}, kGroups);
  EXPECT_LT(relative_l2(sums.bias, squared_sums(gradient.to(at::kDouble))), 1e-6);
}

TEST(PerExampleSquares, OfSeveralSequencesAGroupSquareTheirSum) {
  const at::Tensor gradient = centerd(64, 6);
  const at::Tensor input = centerd(64, 5);
  const SquaredSums sums{at::zeros({6, 5}, kDouble), at::zeros({6}, kDouble), 6};
  add_squared_products({&sums, 1}, gradient, input, {kSequences, 3});
  EXPECT_LT(relative_l2(sums.weight, squared_products(gradient, input, {0, 41, 64})), 1e-6);
}

TEST(PerExampleSquares, OfLayerNormSquareEachGroupOnce) {
  const at::Tensor gradient = centerd(64, 10);
  const LayerNormActivations saved{centerd(64, 10), centerd(64, 1), centerd(64, 1).abs()};
  const SquaredSums sums{at::zeros({10}, kDouble), at::zeros({10}, kDouble), 10};
  add_squared_layer_norm(sums, gradient, saved, kGroups);
  EXPECT_LT(relative_l2(sums.weight, squared_sums(saved.input.sub(saved.mean).mul(saved.rstd).mul(gradient))), 1e-6);
  EXPECT_LT(relative_l2(sums.bias, squared_sums(gradient)), 1e-6);
}

// Twice: without an order of the ids, and in it, which kernels for GPUs need.
TEST(PerExampleSquares, OfScattersSumRepeatedRowsWithinAGroupFirst) {
  const at::Tensor drawn = at::randint(0, 6, {64}, at::TensorOptions().dtype(at::kLong));
  const std::vector<std::int64_t> ids(drawn.const_data_ptr<std::int64_t>(), drawn.const_data_ptr<std::int64_t>() + 64);
  const at::Tensor rows = centerd(64, 5);
  std::vector<std::int64_t> groups;
  at::Tensor expected = at::zeros({9, 5}, kDouble);
  for (std::size_t g = 0; g + 1 < kOffsets.size(); ++g) {
    at::Tensor gradient = at::zeros({9, 5}, kDouble);
    for (std::int64_t t = kOffsets[g]; t < kOffsets[g + 1]; ++t) {
      gradient[ids[static_cast<std::size_t>(t)]].add_(rows[t].to(at::kDouble));
      groups.push_back(static_cast<std::int64_t>(g));
    }
    expected.add_(gradient.square());
  }
  const BatchLayout layout = test::layout_of_ids(ids, groups);
  for (const EmbeddingIds& own : {EmbeddingIds{drawn}, layout.ids().front()}) {
    const at::Tensor sums = at::zeros({9, 5}, kDouble);
    add_squared_scatters(sums, own, rows, kGroups);
    EXPECT_LT(relative_l2(sums, expected), 1e-6);
  }
}

// As token types have it.
TEST(PerExampleSquares, OfScattersOfFewIdsRepeatToTheBit) {
  const at::Tensor drawn = at::randint(0, 2, {64}, at::TensorOptions().dtype(at::kLong));
  const std::vector<std::int64_t> ids(drawn.const_data_ptr<std::int64_t>(), drawn.const_data_ptr<std::int64_t>() + 64);
  std::vector<std::int64_t> sequences(64);
  std::iota(sequences.begin(), sequences.end(), 0);
  std::vector<std::int64_t> offsets = sequences;
  offsets.push_back(64);
  const LayoutNumbers<std::int64_t> of_one_row{offsets, offsets.data()};
  const at::Tensor rows = centerd(64, 130);
  const BatchLayout layout = test::layout_of_ids(ids, sequences);
  std::vector<at::Tensor> sums;
  for (int repetition = 0; repetition < 2; ++repetition) {
    sums.push_back(at::zeros({2, 130}, kDouble));
    add_squared_scatters(sums.back(), layout.ids().front(), rows, {of_one_row});
  }
  EXPECT_TRUE(sums[0].equal(sums[1]));
  const at::Tensor expected = at::zeros({2, 130}, kDouble).index_add_(0, drawn, rows.to(at::kDouble).square());
  EXPECT_LT(relative_l2(sums[0], expected), 1e-6);
}

TEST(PerExampleSquares, OfScattersRefuseAnOrderOfOtherRows) {
  const at::Tensor ids = at::zeros({64}, at::kLong);
  const BatchLayout fewer_rows = test::layout_of_ids({0, 0}, {0, 0});
  const BatchLayout more_groups = test::layout_of_ids(std::vector<std::int64_t>(64), std::vector<std::int64_t>(64, 4));
  for (const BatchLayout* wrong : {&fewer_rows, &more_groups}) {
    EXPECT_THROW(
        add_squared_scatters(at::zeros({1, 5}, kDouble), {ids, wrong->ids().front().order}, centerd(64, 5), kGroups),
        Error);
  }
}

}  // namespace
}  // namespace tunescope
