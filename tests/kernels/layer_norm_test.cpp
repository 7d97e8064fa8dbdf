#include "tunescope/kernels/layer_norm.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <array>

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

PerModelTensors for_two_models(at::IntArrayRef sizes) { return {random_numbers(sizes), random_numbers(sizes)}; }

struct Layer {
  LayerNormWeights parameters{for_two_models({kWidth}), for_two_models({kWidth}), 1e-5};
  PerModelTensors bias = for_two_models({kWidth});
  at::Tensor branch = random_numbers({kRows, kWidth});
  at::Tensor residual = random_numbers({kRows, kWidth});
};

struct Result {
  at::Tensor output;
  LayerNormActivations saved;
};
Result run(const Layer& layer, const Dropout& dropout) {
  Result result;
  result.saved.input = layer.branch.clone();
  result.output = residual_layer_norm({layer.bias, layer.residual}, layer.parameters, kLayout, dropout, result.saved);
  return result;
}

// The largest difference between tensors, whose types may differ, relative to the largest value.
double difference(const at::Tensor& a, const at::Tensor& b) {
  return a.to(at::kDouble).sub(b.to(at::kDouble)).abs().max().item<double>() / b.abs().max().item<double>();
}

class LayerNormWithDropout : public ::testing::TestWithParam<double> {
 protected:
  Dropout dropout() const { return {.probability = GetParam(), .site = 2}; }
};

TEST_P(LayerNormWithDropout, GivesOneGradientWithoutDropout) {
  const Layer layer;
  const auto [residual, branch] = residual_layer_norm_backward(random_numbers({kRows, kWidth}), layer.parameters.weight,
                                                               kLayout, dropout(), run(layer, dropout()).saved);
  EXPECT_EQ(branch.is_same(residual), GetParam() == 0.0);
}

TEST_P(LayerNormWithDropout, DifferentiatesAsFiniteDifferences) {
  Layer layer;
  const at::Tensor weights = random_numbers({kRows, kWidth});
  const auto value = [&] { return run(layer, dropout()).output.mul(weights).sum().item<double>(); };
  const auto [residual, branch] =
      residual_layer_norm_backward(weights, layer.parameters.weight, kLayout, dropout(), run(layer, dropout()).saved);
  test::expect_finite_differences(value, layer.residual, residual, 1e-6);
  test::expect_finite_differences(value, layer.branch, branch, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Dropout, LayerNormWithDropout, ::testing::Values(0.0, 0.3));

TEST(LayerNorm, InFloat32IsThatOfFloat64ToRounding) {
  Layer layer;
  const at::Tensor expected = run(layer, {}).output;
  for (PerModelTensors* tensors : {&layer.parameters.weight, &layer.parameters.bias, &layer.bias}) {
    for (at::Tensor& tensor : *tensors) tensor = tensor.to(at::kFloat);
  }
  layer.branch = layer.branch.to(at::kFloat);
  layer.residual = layer.residual.to(at::kFloat);
  EXPECT_LT(difference(run(layer, {}).output, expected), 1e-6);
}

TEST(LayerNorm, OfAnIdOutsideItsTableThrows) {
  const Layer layer;
  const at::Tensor ids = at::full({kRows}, 30, at::TensorOptions().dtype(at::kLong));
  const std::array tables = {EmbeddingLookup{for_two_models({30, kWidth}), ids}};
  LayerNormActivations saved;
  EXPECT_THROW(embedding_layer_norm(tables, layer.parameters, kLayout, {}, saved), ModelError);
}

}  // namespace
}  // namespace tunescope
