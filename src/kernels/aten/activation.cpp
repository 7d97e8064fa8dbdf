#include "../backends/activation.hpp"

#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/threshold_backward.h>

namespace tunescope::aten {

void bias_activation(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                     const RowLayout& rows, const at::Tensor& output) {
  for (std::size_t model = 0; model < bias.size(); ++model) rows.of_model(values, model).add_(bias[model]);
  at::Tensor result = output;
  switch (activation) {
    case Activation::kGelu:
      at::gelu_out(result, values);
      return;
    case Activation::kGeluTanh:
      at::gelu_out(result, values, "tanh");
      return;
    case Activation::kRelu:
      at::relu_out(result, values);
      return;
    case Activation::kSilu:
      at::silu_out(result, values);
      return;
    case Activation::kTanh:
      at::tanh_out(result, values);
      return;
  }
}

void activation_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient,
                         const at::Tensor& gradient) {
  at::Tensor result = gradient;
  switch (activation) {
    case Activation::kGelu:
      at::gelu_backward_out(result, output_gradient, input);
      return;
    case Activation::kGeluTanh:
      at::gelu_backward_out(result, output_gradient, input, "tanh");
      return;
    case Activation::kRelu:
      at::threshold_backward_out(result, output_gradient, input, 0);
      return;
    case Activation::kSilu:
      at::silu_backward_out(result, output_gradient, input);
      return;
    case Activation::kTanh:
      at::tanh_backward_out(result, output_gradient, at::tanh(input));
      return;
  }
}

}  // namespace tunescope::aten
