#include "tunescope/kernels/layer_norm.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <array>
#include <tuple>

#include "support/finite_differences.hpp"
#include "support/layouts.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kRows = 40;
constexpr std::int64_t kWidth = 21;  // so that neither vectors nor dropout's tiles end with a row
const BatchLayout kBatch = test::layout_of({{5, 18}, {1, 16}});
const RowLayout& kLayout = kBatch.tokens();

at::Tensor random_numbers(at::IntArrayRef sizes) { return at::randn(sizes, at::TensorOptions().dtype(at::kDouble)); }

struct Layer {
  std::int64_t width = kWidth;
  LayerNormWeights parameters{for_two_models(), for_two_models(), 1e-5};
  PerModelTensors bias = for_two_models();
  at::Tensor branch = random_numbers({kRows, width});
  at::Tensor residual = random_numbers({kRows, width});

  PerModelTensors for_two_models() const { return {random_numbers({width}), random_numbers({width})}; }

  /// The same layer with all of its tensors changed.
  template <typename Change>
  Layer with(Change change) const {
    Layer layer = *this;
    for (PerModelTensors* tensors : {&layer.parameters.weight, &layer.parameters.bias, &layer.bias}) {
      for (at::Tensor& tensor : *tensors) tensor = change(tensor);
    }
    layer.branch = change(layer.branch);
    layer.residual = change(layer.residual);
    return layer;
  }
  Layer in(at::ScalarType type) const {
    return with([type](const at::Tensor& tensor) { return tensor.to(type); });
  }
};

struct Result {
  at::Tensor output;
  LayerNormActivations saved;
};
Result run(const Layer& layer, const Dropout& dropout, const LayerNormExtras& extras = {}) {
  Result result;
  result.saved.input = layer.branch.clone();
  result.output =
      residual_layer_norm({layer.bias, layer.residual}, layer.parameters, kLayout, dropout, result.saved, extras);
  return result;
}

ResidualGradients run_backward(const Layer& layer, const Dropout& dropout, const at::Tensor& output_gradient,
                               const ResidualGradientExtras& extras = {}) {
  return residual_layer_norm_backward({output_gradient}, layer.parameters.weight, kLayout, dropout,
                                      run(layer, dropout).saved, extras);
}

std::vector<LayerNormTargets> zeros_for_two_models(const at::TensorOptions& options, std::int64_t width) {
  std::vector<LayerNormTargets> targets(2);
  for (auto& [weight, bias] : targets) {
    weight.gradient = at::zeros({width}, options);
    bias.gradient = at::zeros({width}, options);
  }
  return targets;
}

std::vector<LayerNormTargets> run_parameter_gradients(const Layer& layer, const at::Tensor& output_gradient) {
  const std::vector<LayerNormTargets> targets = zeros_for_two_models(output_gradient.options(), layer.width);
  layer_norm_parameter_gradients(output_gradient, run(layer, {}).saved, kLayout, targets);
  return targets;
}

// The largest difference between tensors, whose types may differ, relative to the largest value.
double difference(const at::Tensor& a, const at::Tensor& b) {
  return a.to(at::kDouble).sub(b.to(at::kDouble)).abs().max().item<double>() / b.abs().max().item<double>();
}

class LayerNormIn : public ::testing::TestWithParam<std::tuple<at::ScalarType, double>> {
 protected:
  at::ScalarType type() const { return std::get<0>(GetParam()); }
  Dropout dropout() const { return {.probability = std::get<1>(GetParam()), .site = 2}; }
  at::Tensor empty(at::IntArrayRef sizes) const { return at::empty(sizes, at::TensorOptions(type())); }
  static at::Tensor empty_twin() { return at::empty({kRows, kWidth}, at::TensorOptions(at::kBFloat16)); }
  double tolerance() const { return type() == at::kDouble ? 1e-6 : 1e-4; }
};

TEST_P(LayerNormIn, GivesOneGradientWithoutDropout) {
  const Layer layer = Layer().in(type());
  const auto [residual, branch] = run_backward(layer, dropout(), random_numbers({kRows, kWidth}).to(type()));
  EXPECT_EQ(branch.is_same(residual), dropout().probability == 0.0);
}

TEST_P(LayerNormIn, DifferentiatesAsFiniteDifferencesInFloat64) {
  Layer layer;
  const at::Tensor weights = random_numbers({kRows, kWidth});
  const auto value = [&] { return run(layer, dropout()).output.mul(weights).sum().item<double>(); };
  const auto [residual, branch] = run_backward(layer.in(type()), dropout(), weights.to(type()));
  test::expect_finite_differences(value, layer.residual, residual, tolerance());
  test::expect_finite_differences(value, layer.branch, branch, tolerance());
  if (dropout().probability > 0.0) return;  // it comes before the parameters
  const std::vector<LayerNormTargets> targets = run_parameter_gradients(layer.in(type()), weights.to(type()));
  for (std::size_t model = 0; model < targets.size(); ++model) {
    const auto& [weight, bias] = targets[model];
    test::expect_finite_differences(value, layer.parameters.weight[model], weight.gradient, tolerance());
    test::expect_finite_differences(value, layer.parameters.bias[model], bias.gradient, tolerance());
  }
}

TEST_P(LayerNormIn, DifferentiatesASumThatGoesOnTooAsFiniteDifferences) {
  const Layer layer;
  const at::Tensor of_output = random_numbers({kRows, kWidth});
  const at::Tensor of_sum = random_numbers({kRows, kWidth});
  const auto value = [&] {
    const Result result = run(layer, dropout());
    return result.output.mul(of_output).add(result.saved.input.mul(of_sum)).sum().item<double>();
  };
  const Layer own = layer.in(type());
  const auto [residual, branch] = residual_layer_norm_backward(
      {of_output.to(type()), of_sum.to(type())}, own.parameters.weight, kLayout, dropout(), run(own, dropout()).saved);
  test::expect_finite_differences(value, layer.residual, residual, tolerance());
  test::expect_finite_differences(value, layer.branch, branch, tolerance());
}

TEST_P(LayerNormIn, NormalizesTheSumOfEmbeddingsAfterItsDropout) {
  const Layer layer = Layer().in(type());
  const at::Tensor ids = at::randint(30, {kRows}, at::TensorOptions().dtype(at::kLong));
  const std::array tables = {
      EmbeddingLookup{{at::randn({30, kWidth}).to(type()), at::randn({30, kWidth}).to(type())}, ids}};
  LayerNormActivations plain, dropped;
  embedding_layer_norm(tables, layer.parameters, kLayout, {}, plain);
  const at::Tensor output = embedding_layer_norm(tables, layer.parameters, kLayout, {.of_sum = dropout()}, dropped);
  apply_dropout_(plain.input, kLayout, dropout());
  EXPECT_TRUE(at::equal(dropped.input, plain.input));
  const at::Tensor normalized = plain.input.sub(dropped.mean).mul(dropped.rstd);
  for (std::size_t model = 0; model < 2; ++model) {
    const at::Tensor expected =
        kLayout.of_model(normalized, model).mul(layer.parameters.weight[model]).add(layer.parameters.bias[model]);
    EXPECT_LT(difference(kLayout.of_model(output, model), expected), 1e-5);
  }
}

TEST_P(LayerNormIn, WritesItsResultsInBfloat16AndTheSquaresOfRowsBesides) {
  const Layer layer = Layer().in(type());
  const LayerNormExtras extras{empty_twin(), empty({kRows}), empty({kRows})};
  const auto [output, saved] = run(layer, dropout(), extras);
  EXPECT_TRUE(at::equal(extras.bfloat16, output.to(at::kBFloat16)));
  EXPECT_LT(difference(extras.output_squares, output.square().sum(1)), 1e-6);
  EXPECT_LT(difference(extras.branch_squares, saved.input.sub(layer.residual).square().sum(1)), 1e-6);

  const at::Tensor gradient = random_numbers({kRows, kWidth}).to(type());
  const ResidualGradientExtras of_gradients{empty_twin(), empty({kRows}), empty({kRows})};
  const auto [residual, branch] = run_backward(layer, dropout(), gradient, of_gradients);
  EXPECT_TRUE(at::equal(of_gradients.branch_bfloat16, branch.to(at::kBFloat16)));
  EXPECT_LT(difference(of_gradients.output_squares, gradient.square().sum(1)), 1e-6);
  EXPECT_LT(difference(of_gradients.residual_squares, residual.square().sum(1)), 1e-6);
}

TEST_P(LayerNormIn, WritesEmbeddingsInBfloat16Besides) {
  const Layer layer = Layer().in(type());
  const at::Tensor ids = at::randint(30, {kRows}, at::TensorOptions().dtype(at::kLong));
  const std::array tables = {
      EmbeddingLookup{{at::randn({30, kWidth}).to(type()), at::randn({30, kWidth}).to(type())}, ids}};
  LayerNormActivations saved;
  const LayerNormExtras extras{empty_twin(), empty({kRows}), {}};
  const at::Tensor output =
      embedding_layer_norm(tables, layer.parameters, kLayout, {.of_output = dropout()}, saved, extras);
  EXPECT_TRUE(at::equal(extras.bfloat16, output.to(at::kBFloat16)));
  EXPECT_LT(difference(extras.output_squares, output.square().sum(1)), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(All, LayerNormIn,
                         ::testing::Combine(::testing::Values(at::kFloat, at::kDouble), ::testing::Values(0.0, 0.3)));

TEST(LayerNorm, InFloat32IsThatOfFloat64ToRounding) {
  Layer layer;
  EXPECT_LT(difference(run(layer.in(at::kFloat), {}).output, run(layer, {}).output), 1e-6);
  layer.residual.add_(100.0);  // a variance from sums of squares would lose four digits
  EXPECT_LT(difference(run(layer.in(at::kFloat), {}).output, run(layer, {}).output), 2e-5);
}

TEST(LayerNorm, TakesRowsAndParametersAtAnyAddress) {
  const Layer layer = Layer{.width = 256}.in(at::kFloat);
  const auto moved = [](const at::Tensor& tensor) {
    return at::empty({tensor.numel() + 1}, tensor.options())
        .narrow(0, 1, tensor.numel())
        .view(tensor.sizes())
        .copy_(tensor);
  };
  const Dropout dropout{.probability = 0.3};
  const at::Tensor gradient = at::randn({kRows, layer.width});
  const at::Tensor output = run(layer, dropout).output;
  const at::Tensor branch = run_backward(layer, dropout, gradient).branch;
  const at::Tensor weight = run_parameter_gradients(layer, gradient)[1].weight.gradient;

  Layer unaligned = layer;  // its rows are aligned
  unaligned.parameters.weight[1] = moved(layer.parameters.weight[1]);
  for (const Layer& other : {unaligned, layer.with(moved)}) {
    EXPECT_LT(difference(run(other, dropout).output, output), 1e-6);
    EXPECT_LT(difference(run_backward(other, dropout, moved(gradient)).branch, branch), 1e-6);
    EXPECT_LT(difference(run_parameter_gradients(other, moved(gradient))[1].weight.gradient, weight), 1e-6);
  }
}

TEST(LayerNorm, HasTheSameParameterGradientsBitForBitAgain) {
  const Layer layer = Layer{.width = 384}.in(at::kFloat);
  const at::Tensor gradient = at::randn({kRows, layer.width});
  const std::vector<LayerNormTargets> once = run_parameter_gradients(layer, gradient);
  const std::vector<LayerNormTargets> again = run_parameter_gradients(layer, gradient);
  for (std::size_t model = 0; model < once.size(); ++model) {
    EXPECT_TRUE(at::equal(once[model].weight.gradient, again[model].weight.gradient));
    EXPECT_TRUE(at::equal(once[model].bias.gradient, again[model].bias.gradient));
  }
}

TEST(LayerNorm, OfAnIdOutsideItsTableThrows) {
  const Layer layer;
  const at::Tensor ids = at::full({kRows}, 30, at::TensorOptions().dtype(at::kLong));
  const std::array tables = {EmbeddingLookup{{random_numbers({30, kWidth}), random_numbers({30, kWidth})}, ids}};
  LayerNormActivations saved;
  EXPECT_THROW(embedding_layer_norm(tables, layer.parameters, kLayout, {}, saved), ModelError);
}

TEST(LayerNorm, RefusesExtrasThatAreNotOfTheirKind) {
  const Layer layer;
  EXPECT_THROW(run(layer, {}, {.bfloat16 = at::empty({kRows, kWidth}), .output_squares = {}, .branch_squares = {}}),
               Error);
  EXPECT_THROW(run(layer, {}, {.bfloat16 = {}, .output_squares = random_numbers({kRows + 1}), .branch_squares = {}}),
               Error);
}

// Masks would be of other elements than `apply_dropout_` has.
TEST(LayerNorm, RefusesDropoutOfRowsThatDoNotCountFromZero) {
  const Layer layer;
  RowLayout rows = kLayout;
  rows.first_numbers = rows.streams.examples;
  const auto train_with = [&](const Dropout& dropout) {
    LayerNormActivations saved{.input = layer.branch.clone(), .mean = {}, .rstd = {}};
    residual_layer_norm({layer.bias, layer.residual}, layer.parameters, rows, dropout, saved);
    residual_layer_norm_backward({layer.residual}, layer.parameters.weight, rows, dropout, saved, {});
  };
  EXPECT_NO_THROW(train_with({}));
  EXPECT_THROW(train_with({.probability = 0.1}), Error);
  LayerNormActivations saved;
  EXPECT_THROW(embedding_layer_norm({}, layer.parameters, rows, {.of_output = {.probability = 0.1}}, saved), Error);
}

}  // namespace
}  // namespace tunescope
