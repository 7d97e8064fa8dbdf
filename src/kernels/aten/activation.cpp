#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/threshold_backward.h>

#include "../activation_backends.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope::aten {
namespace {

at::Tensor activate(Activation activation, const at::Tensor& input) {
  switch (activation) {
    case Activation::kGelu:
      return at::gelu(input);
    case Activation::kGeluTanh:
      return at::gelu(input, "tanh");
    case Activation::kRelu:
      return at::relu(input);
    case Activation::kSilu:
      return at::silu(input);
    case Activation::kTanh:
      return at::tanh(input);
  }
  throw ModelError("unknown activation");
}

}  // namespace

at::Tensor bias_activation(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                           const RowLayout& rows) {
  for (std::size_t model = 0; model < bias.size(); ++model) rows_of_model(values, rows, model).add_(bias[model]);
  return activate(activation, values);
}

at::Tensor activation_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient) {
  switch (activation) {
    case Activation::kGelu:
      return at::gelu_backward(output_gradient, input);
    case Activation::kGeluTanh:
      return at::gelu_backward(output_gradient, input, "tanh");
    case Activation::kRelu:
      return at::threshold_backward(output_gradient, input, 0);
    case Activation::kSilu:
      return at::silu_backward(output_gradient, input);
    case Activation::kTanh:
      return at::tanh_backward(output_gradient, at::tanh(input));
  }
  throw ModelError("unknown activation");
}

}  // namespace tunescope::aten
