#include "tunescope/kernels/activation.hpp"

#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/layouts.hpp"

namespace tunescope {
namespace {

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).abs().max().item<double>(); }

// A row of float32 arguments through bias_gelu without a bias.
at::Tensor gelu_of(const at::Tensor& arguments) {
  const BatchLayout one_row = test::layout_of({{1}});
  return bias_activation(Activation::kGelu, arguments.view({1, -1}).clone(), {at::zeros_like(arguments)},
                         one_row.tokens())
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
