#include "layers.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/threshold_backward.h>

#include <tuple>

#include "tunescope/error.hpp"

namespace tunescope {

at::Tensor linear(const Parameters& parameters, const LinearParameters& indices, const at::Tensor& input) {
  return at::addmm(parameters[indices.bias], input, parameters[indices.weight].t());
}

at::Tensor linear_input_gradient(const Parameters& parameters, const LinearParameters& indices,
                                 const at::Tensor& output_gradient) {
  return at::mm(output_gradient, parameters[indices.weight]);
}

at::Tensor layer_norm(const Parameters& parameters, const LayerNormParameters& indices, double epsilon,
                      LayerNormActivations& activations) {
  at::Tensor output;
  std::tie(output, activations.mean, activations.rstd) = at::native_layer_norm(
      activations.input, {activations.input.size(-1)}, parameters[indices.weight], parameters[indices.bias], epsilon);
  return output;
}

at::Tensor layer_norm_input_gradient(const Parameters& parameters, const LayerNormParameters& indices,
                                     const LayerNormActivations& activations, const at::Tensor& output_gradient) {
  return std::get<0>(at::native_layer_norm_backward(output_gradient, activations.input, {activations.input.size(-1)},
                                                    activations.mean, activations.rstd, parameters[indices.weight],
                                                    parameters[indices.bias], {true, false, false}));
}

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

at::Tensor activate_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient) {
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

}  // namespace tunescope
