#include "tunescope/kernels/activation.hpp"

#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/activation_backends.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kWidth = 37;
const std::vector<std::int64_t> kLanes = {0, 9, 20};
const RowLayout kLayout{kLanes, kLanes, {}};

at::Tensor random_numbers(at::IntArrayRef sizes) { return at::randn(sizes, at::TensorOptions().dtype(at::kDouble)); }

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).abs().max().item<double>(); }

class EveryActivation : public ::testing::TestWithParam<Activation> {};

TEST_P(EveryActivation, EqualsTheCompositionOfTorchOperations) {
  const PerModelTensors bias = {random_numbers({kWidth}), random_numbers({kWidth})};
  const at::Tensor sum = random_numbers({20, kWidth});
  const at::Tensor expected_sum = sum.clone();
  const at::Tensor output = bias_activation(GetParam(), sum, bias, kLayout);
  const at::Tensor expected = aten::bias_activation(GetParam(), expected_sum, bias, kLayout);
  EXPECT_TRUE(sum.equal(expected_sum));
  EXPECT_LT(largest_difference(output, expected), 1e-14);
  const at::Tensor gradient = random_numbers({20, kWidth});
  EXPECT_LT(largest_difference(activation_backward(GetParam(), sum, gradient),
                               aten::activation_backward(GetParam(), sum, gradient)),
            1e-14);
}

INSTANTIATE_TEST_SUITE_P(Activations, EveryActivation,
                         ::testing::Values(Activation::kGelu, Activation::kGeluTanh, Activation::kRelu,
                                           Activation::kSilu, Activation::kTanh));

// A row of float32 arguments through bias_gelu without a bias.
at::Tensor gelu_of(const at::Tensor& arguments) {
  const std::vector<std::int64_t> one_row = {0, 1};
  return bias_activation(Activation::kGelu, arguments.view({1, -1}).clone(), {at::zeros_like(arguments)},
                         {one_row, one_row, {}})
      .view(-1);
}

TEST(Gelu, InFloat32IsThatOfFloat64ToRounding) {
  const at::Tensor arguments = at::linspace(-20, 20, 100001, at::TensorOptions().dtype(at::kFloat));
  const at::Tensor exact = arguments.to(at::kDouble);
  EXPECT_LT(largest_difference(gelu_of(arguments).to(at::kDouble), at::gelu(exact)), 1.5e-6);
  const at::Tensor ones = at::ones_like(arguments);
  EXPECT_LT(largest_difference(activation_backward(Activation::kGelu, arguments, ones).to(at::kDouble),
                               at::gelu_backward(ones.to(at::kDouble), exact)),
            1e-6);
}

TEST(Gelu, OfHugeArgumentsAndNaN) {
  const float infinity = std::numeric_limits<float>::infinity();
  const at::Tensor arguments = at::tensor({-1e30F, 1e30F, infinity, std::numeric_limits<float>::quiet_NaN()});
  const at::Tensor values = gelu_of(arguments);
  EXPECT_EQ(values[0].item<float>(), 0.0F);
  EXPECT_EQ(values[1].item<float>(), 1e30F);
  EXPECT_EQ(values[2].item<float>(), infinity);
  EXPECT_TRUE(std::isnan(values[3].item<float>()));
}

}  // namespace
}  // namespace tunescope
