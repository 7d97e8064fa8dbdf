#include "tunescope/kernels/activation.hpp"

#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "support/layouts.hpp"
#include "tunescope/kernels/forced_kernels.hpp"

namespace tunescope {
namespace {

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).abs().max().item<double>(); }

// A row of float32 arguments without a bias.
at::Tensor gelu_of(const at::Tensor& arguments, Activation activation) {
  const BatchLayout one_row = test::layout_of({{1}});
  return bias_activation(activation, arguments.view({1, -1}).clone(), {at::zeros_like(arguments)}, one_row.tokens())
      .own.view(-1);
}

class Gelu : public ::testing::TestWithParam<std::pair<Activation, const char*>> {
 protected:
  const Activation activation = GetParam().first;
  const char* const of_aten = GetParam().second;
};

TEST_P(Gelu, InFloat32IsThatOfFloat64ToRounding) {
  const at::Tensor arguments = at::linspace(-20, 20, 100001, at::TensorOptions().dtype(at::kFloat)).unsqueeze(0);
  const at::Tensor exact = arguments.to(at::kDouble);
  EXPECT_LT(largest_difference(gelu_of(arguments, activation).to(at::kDouble), at::gelu(exact, of_aten)), 1.5e-6);
  const at::Tensor ones = at::ones_like(arguments);
  EXPECT_LT(largest_difference(activation_backward(activation, arguments, ones).own.to(at::kDouble),
                               at::gelu_backward(ones.to(at::kDouble), exact, of_aten)),
            1e-6);
}

TEST_P(Gelu, OfHugeArgumentsAndNaN) {
  const float infinity = std::numeric_limits<float>::infinity();
  const at::Tensor arguments = at::tensor({-1e30F, 1e30F, infinity, std::numeric_limits<float>::quiet_NaN()});
  const at::Tensor values = gelu_of(arguments, activation);
  EXPECT_NEAR(values[0].item<float>(), 0.0F, 1e-7);
  EXPECT_EQ(values[1].item<float>(), 1e30F);
  EXPECT_EQ(values[2].item<float>(), infinity);
  EXPECT_TRUE(std::isnan(values[3].item<float>()));
}

INSTANTIATE_TEST_SUITE_P(Curves, Gelu,
                         ::testing::Values(std::pair(Activation::kGelu, "none"),
                                           std::pair(Activation::kGeluTanh, "tanh")),
                         [](const auto& info) { return info.index == 0 ? "of_erf" : "of_tanh"; });

constexpr std::array kActivations = {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu, Activation::kSilu,
                                     Activation::kTanh};

TEST(Activations, AtTheWidthsOfModelsAreThoseOfTheReference) {
  for (const std::int64_t width : {1, 21, 127, 384, 512, 516, 1024, 3072}) {
    const BatchLayout layout = test::layout_of({{3, 1}, {}, {6}});
    const PerModelTensors bias = {at::randn({width}), at::randn({width}), at::randn({width + 1}).narrow(0, 1, width)};
    const at::Tensor input = at::randn({10, width}).mul_(3);
    const at::Tensor gradient = at::randn({10, width});
    for (const Activation activation : kActivations) {
      const at::Tensor values = input.clone();
      const at::Tensor output = bias_activation(activation, values, bias, layout.tokens()).own;
      const at::Tensor of_input = activation_backward(activation, input, gradient).own;
      const ForcedKernels reference(KernelBackend::kReference);
      const at::Tensor expected_values = input.clone();
      const at::Tensor expected = bias_activation(activation, expected_values, bias, layout.tokens()).own;
      EXPECT_TRUE(values.equal(expected_values)) << width;
      EXPECT_LT(largest_difference(output, expected), 1e-5) << width;
      EXPECT_LT(largest_difference(of_input, activation_backward(activation, input, gradient).own), 1e-5) << width;
    }
  }
}

TEST(Activations, InBfloat16AreTheRoundedOnes) {
  const BatchLayout layout = test::layout_of({{2}, {3, 4}});
  for (const std::int64_t width : {7, 16}) {
    const PerModelTensors bias = {at::randn({width}), at::randn({width})};
    const at::Tensor input = at::randn({9, width});
    const at::Tensor gradient = at::randn({9, width});
    for (const Activation activation : kActivations) {
      const auto forward = [&](ResultTypes types) {
        return bias_activation(activation, input.clone(), bias, layout.tokens(), types);
      };
      const auto backward = [&](ResultTypes types) { return activation_backward(activation, input, gradient, types); };
      for (const auto& [own, both, rounded] :
           {std::array{forward(ResultTypes::kOwn), forward(ResultTypes::kBoth), forward(ResultTypes::kBfloat16)},
            std::array{backward(ResultTypes::kOwn), backward(ResultTypes::kBoth), backward(ResultTypes::kBfloat16)}}) {
        EXPECT_FALSE(own.bfloat16.defined());
        EXPECT_FALSE(rounded.own.defined());
        EXPECT_TRUE(both.own.equal(own.own));
        EXPECT_TRUE(both.bfloat16.equal(own.own.to(at::kBFloat16)));
        EXPECT_TRUE(rounded.bfloat16.equal(both.bfloat16));
      }
    }
  }
}

}  // namespace
}  // namespace tunescope
