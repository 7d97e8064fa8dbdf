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
namespace {

void activate(Activation activation, const at::Tensor& values, at::Tensor output) {
  switch (activation) {
    case Activation::kGelu:
      at::gelu_out(output, values);
      return;
    case Activation::kGeluTanh:
      at::gelu_out(output, values, "tanh");
      return;
    case Activation::kRelu:
      at::relu_out(output, values);
      return;
    case Activation::kSilu:
      at::silu_out(output, values);
      return;
    case Activation::kTanh:
      at::tanh_out(output, values);
      return;
  }
}

void differentiate(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient,
                   at::Tensor gradient) {
  switch (activation) {
    case Activation::kGelu:
      at::gelu_backward_out(gradient, output_gradient, input);
      return;
    case Activation::kGeluTanh:
      at::gelu_backward_out(gradient, output_gradient, input, "tanh");
      return;
    case Activation::kRelu:
      at::threshold_backward_out(gradient, output_gradient, input, 0);
      return;
    case Activation::kSilu:
      at::silu_backward_out(gradient, output_gradient, input);
      return;
    case Activation::kTanh:
      at::tanh_backward_out(gradient, output_gradient, at::tanh(input));
      return;
  }
}

}  // namespace

void bias_activation(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                     const RowLayout& rows, const TypedResult& output) {
  for (std::size_t model = 0; model < bias.size(); ++model) rows.of_model(values, model).add_(bias[model]);
  compute_and_round(output, values, [&](const at::Tensor& own) { activate(activation, values, own); });
}

void activation_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient,
                         const TypedResult& gradient) {
  compute_and_round(gradient, input,
                    [&](const at::Tensor& own) { differentiate(activation, input, output_gradient, own); });
}

}  // namespace tunescope::aten
