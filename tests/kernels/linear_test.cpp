#include "tunescope/kernels/linear.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "support/layouts.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.to(at::kDouble).sub(b.to(at::kDouble)).abs().max().item<double>();
}

TEST(Biases, OfEachLayerStandSideBySideInTheRowsOfTheirModel) {
  const BatchLayout layout = test::layout_of({{1, 1}, {1}});
  const std::vector<PerModelTensors> biases = {{at::tensor({1.0F, 2.0F}), at::tensor({3.0F, 4.0F})},
                                               {at::tensor({5.0F}), at::tensor({6.0F})}};
  const at::Tensor output = at::zeros({3, 3});
  fill_with_bias(output, biases, layout.tokens());
  EXPECT_TRUE(output.equal(at::tensor({1.0F, 2.0F, 5.0F, 1.0F, 2.0F, 5.0F, 3.0F, 4.0F, 6.0F}).view({3, 3})));
}

TEST(RowVectors, MultiplyTheirColumnsInTheRowsOfTheirModel) {
  const BatchLayout layout = test::layout_of({{1, 1}, {1}});
  const std::vector<ScaledColumns> columns = {{1, {at::Tensor(), at::tensor({2.0F})}},
                                              {2, {at::tensor({3.0F, 4.0F}), at::Tensor()}}};
  const at::Tensor input = at::arange(1, 10).to(at::kFloat).view({3, 3});
  const at::Tensor expected = at::tensor({1.0F, 6.0F, 12.0F, 4.0F, 15.0F, 24.0F, 14.0F, 8.0F, 9.0F}).view({3, 3});
  const at::Tensor output = at::zeros({3, 3});
  multiply_rows(input, columns, layout.tokens(), output);
  EXPECT_TRUE(output.equal(expected));
  multiply_rows(input, columns, layout.tokens(), input);
  EXPECT_TRUE(input.equal(expected));
}

TEST(VectorGradients, AreTheColumnSumsOfTheirRows) {
  for (const std::int64_t width : {1, 21, 384, 1024}) {
    for (const std::int64_t first : {0, 1, 63, 64, 65, 511, 512, 2048}) {
      const at::Tensor gradient = at::randn({first + 70, width});
      const at::Tensor input = at::randn({first + 70, width});
      const at::Tensor sums = at::full({2, width}, 1.0F);
      vector_gradients(std::array{
          VectorGradient{gradient.narrow(0, 0, first), {}, {sums[0], Accumulate::kNo}},
          VectorGradient{gradient.narrow(0, first, 70), input.narrow(0, first, 70), {sums[1], Accumulate::kYes}}});
      const at::Tensor exact = gradient.to(at::kDouble);
      EXPECT_LT(largest_difference(sums[0], exact.narrow(0, 0, first).sum(0)), 2e-4) << width << " " << first;
      EXPECT_LT(largest_difference(sums[1], exact.mul(input).narrow(0, first, 70).sum(0).add_(1)), 1e-4)
          << width << " " << first;
    }
  }
}

TEST(VectorGradients, HaveTheSameBitsInEachRun) {
  const at::Tensor gradient = at::randn({1000, 36});
  const at::Tensor sums = at::zeros({2, 36});
  for (const std::int64_t run : {0, 1}) {
    vector_gradients(std::array{VectorGradient{gradient, {}, {sums[run], Accumulate::kNo}}});
  }
  EXPECT_TRUE(sums[0].equal(sums[1]));
}

TEST(BiasGradients, AreThoseOfTheModelsThatHaveATarget) {
  const BatchLayout layout = test::layout_of({{1, 1}, {1}});
  const at::Tensor gradient = at::arange(1, 7).to(at::kFloat).view({3, 2});
  const at::Tensor sums = at::zeros({2});
  bias_gradients(gradient, layout.tokens(), std::array{GradientTarget{}, GradientTarget{sums}});
  EXPECT_TRUE(sums.equal(at::tensor({5.0F, 6.0F})));
}

// Heads of one and of two outputs; the second model has two sequences.
struct TwoHeads {
  BatchLayout layout = test::layout_of({{1}, {1, 1}});
  at::Tensor input = at::tensor({1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F}).view({3, 2});
  PerModelTensors weight = {at::tensor({1.0F, 10.0F}).view({1, 2}), at::tensor({1.0F, 0.0F, 0.5F, 2.0F}).view({2, 2})};
  PerModelTensors bias = {at::tensor({100.0F}), at::tensor({0.0F, 1000.0F})};
};

TEST(Head, GivesEachModelItsOwnLogits) {
  const TwoHeads heads;
  const std::vector<at::Tensor> logits = head_logits(heads.input, heads.weight, heads.bias, heads.layout.sequences());
  ASSERT_EQ(logits.size(), 2U);
  EXPECT_TRUE(logits[0].equal(at::tensor({121.0F}).view({1, 1})));
  EXPECT_TRUE(logits[1].equal(at::tensor({3.0F, 1009.5F, 5.0F, 1014.5F}).view({2, 2})));
}

TEST(Head, HasTheLogitsOfAllModelsInOneBuffer) {
  const TwoHeads heads;
  const std::vector<at::Tensor> logits = head_logits(heads.input, heads.weight, heads.bias, heads.layout.sequences());
  EXPECT_TRUE(logits[0].is_alias_of(logits[1]));
  EXPECT_EQ(logits[1].storage_offset(), 1);
}

TEST(Head, HasNoInputGradientWhereTheLogitsHaveNone) {
  const TwoHeads heads;
  const std::array gradients = {at::Tensor(), at::tensor({1.0F, 2.0F, 0.0F, -1.0F}).view({2, 2})};
  const at::Tensor gradient = head_input_gradient(gradients, heads.weight, heads.layout.sequences());
  EXPECT_TRUE(gradient.equal(at::tensor({0.0F, 0.0F, 2.0F, 4.0F, -0.5F, -2.0F}).view({3, 2})));
}

TEST(Head, AddsParameterGradientsWhereItIsTold) {
  const TwoHeads heads;
  const std::array gradients = {at::tensor({2.0F}).view({1, 1}), at::tensor({1.0F, 2.0F, 0.0F, -1.0F}).view({2, 2})};
  const std::array targets = {HeadTargets{{at::ones({1, 2}), Accumulate::kYes}, {at::Tensor(), Accumulate::kNo}},
                              HeadTargets{{at::ones({2, 2}), Accumulate::kNo}, {at::ones({2}), Accumulate::kYes}}};
  head_parameter_gradients(gradients, heads.input, heads.layout.sequences(), targets);
  EXPECT_TRUE(targets[0].weight.gradient.equal(at::tensor({3.0F, 5.0F}).view({1, 2})));
  EXPECT_TRUE(targets[1].weight.gradient.equal(at::tensor({3.0F, 4.0F, 1.0F, 2.0F}).view({2, 2})));
  EXPECT_TRUE(targets[1].bias.gradient.equal(at::tensor({2.0F, 2.0F})));
}

TEST(Head, OfWideInputsIsExactInFloat32) {
  for (const std::int64_t width : {21, 384, 1024}) {
    const BatchLayout layout = test::layout_of({std::vector<std::int64_t>(63, 1), std::vector<std::int64_t>(65, 1)});
    const at::Tensor input = at::randn({128, width});
    // The second weight is not aligned, as in a flat buffer.
    const PerModelTensors weight = {at::randn({3, width}),
                                    at::randn({1 + 2 * width}).narrow(0, 1, 2 * width).view({2, width})};
    const PerModelTensors bias = {at::randn({3}), at::randn({2})};
    const std::vector<at::Tensor> logits = head_logits(input, weight, bias, layout.sequences());
    const at::Tensor exact = input.to(at::kDouble);
    const at::Tensor expected = exact.narrow(0, 63, 65).mm(weight[1].to(at::kDouble).t()).add_(bias[1]);
    EXPECT_LT(largest_difference(logits[1], expected), 1e-4) << width;
    const std::array targets = {HeadTargets{}, HeadTargets{{at::zeros({2, width})}, {at::zeros({2})}}};
    head_parameter_gradients(logits, input, layout.sequences(), targets);
    EXPECT_LT(largest_difference(targets[1].weight.gradient, logits[1].to(at::kDouble).t().mm(exact.narrow(0, 63, 65))),
              5e-3)
        << width;
  }
}

TEST(Head, RefusesWhatItsContractDoesNotSay) {
  const TwoHeads heads;
  const RowLayout& rows = heads.layout.sequences();
  EXPECT_THROW(head_logits(at::ones({2, 2}), heads.weight, heads.bias, rows), Error);
  EXPECT_THROW(head_logits(at::ones({3, 3}), heads.weight, heads.bias, rows), Error);
  EXPECT_THROW(head_input_gradient(std::array{at::ones({1, 1}), at::ones({2, 3})}, heads.weight, rows), Error);
  EXPECT_THROW(vector_gradients(std::array{VectorGradient{at::ones({3, 2}), {}, {at::ones({3})}}}), Error);
  EXPECT_THROW(vector_gradients(std::array{VectorGradient{at::ones({3, 2}), at::ones({2, 2}), {at::ones({2})}}}),
               Error);
  EXPECT_THROW(multiply_rows(at::ones({3, 2}), std::array{ScaledColumns{2, {at::ones({2}), at::ones({1})}}}, rows,
                             at::ones({3, 2})),
               Error);
  EXPECT_THROW(fill_with_bias(at::ones({3, 2}), std::array<PerModelTensors, 1>{heads.bias}, rows), Error);
}

}  // namespace
}  // namespace tunescope
