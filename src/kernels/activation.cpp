#include "tunescope/kernels/activation.hpp"

#include "activation_backends.hpp"

namespace tunescope {

at::Tensor bias_activation(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                           const RowLayout& rows) {
  const bool is_own = activation == Activation::kGelu && values.is_cpu();
  return is_own ? cpu::bias_gelu(values, bias, rows) : aten::bias_activation(activation, values, bias, rows);
}

at::Tensor activation_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient) {
  const bool is_own = activation == Activation::kGelu && input.is_cpu();
  return is_own ? cpu::gelu_backward(input, output_gradient)
                : aten::activation_backward(activation, input, output_gradient);
}

}  // namespace tunescope
