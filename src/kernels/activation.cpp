#include "tunescope/kernels/activation.hpp"

#include <ATen/ops/empty_like.h>

#include "backends/activation.hpp"

namespace tunescope {

const Kernel<BiasActivation>& bias_activation_kernel() {
  static const Kernel<BiasActivation> kernel{"bias_activation", aten::bias_activation, cpu::bias_activation};
  return kernel;
}

const Kernel<ActivationBackward>& activation_backward_kernel() {
  static const Kernel<ActivationBackward> kernel{"activation_backward", aten::activation_backward,
                                                 cpu::activation_backward};
  return kernel;
}

at::Tensor bias_activation(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                           const RowLayout& rows) {
  const Kernel<BiasActivation>& kernel = bias_activation_kernel();
  check_contract(values.dim() == 2 && values.is_contiguous() && values.size(0) == rows.row_count(), kernel.name,
                 "values are not contiguous [T, I]");
  check_contract(bias.size() == rows.model_count() && bias.front().numel() == values.size(1), kernel.name,
                 "there is not one bias [I] for each model");
  at::Tensor output = at::empty_like(values);
  if (!has_numbers(output)) return output;
  kernel.on(values.device(), {.by_cpu = activation == Activation::kGelu})(activation, values, bias, rows, output);
  return output;
}

at::Tensor activation_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient) {
  const Kernel<ActivationBackward>& kernel = activation_backward_kernel();
  check_contract(input.is_contiguous() && output_gradient.is_contiguous() && input.sizes() == output_gradient.sizes(),
                 kernel.name, "input and gradient are not contiguous and of one shape");
  at::Tensor gradient = at::empty_like(input);
  if (!has_numbers(gradient)) return gradient;
  kernel.on(input.device(), {.by_cpu = activation == Activation::kGelu})(activation, input, output_gradient, gradient);
  return gradient;
}

}  // namespace tunescope
