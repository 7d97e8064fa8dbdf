#include "tunescope/kernels/activation.hpp"

#include <ATen/ops/empty_like.h>

#include "backends/activation.hpp"
#include "tunescope/kernels/products/product_rows.hpp"

namespace tunescope {
namespace {

TypedResult result_like(const at::Tensor& arguments, ResultTypes types) {
  TypedResult result;
  if (types != ResultTypes::kBfloat16) result.own = empty_operand_like(arguments);
  if (types != ResultTypes::kOwn) result.bfloat16 = at::empty_like(arguments, at::kBFloat16);
  return result;
}

bool is_gelu(Activation activation) { return activation == Activation::kGelu || activation == Activation::kGeluTanh; }

}  // namespace

const Kernel<BiasActivation>& bias_activation_kernel() {
  static const Kernel<BiasActivation> kernel{"bias_activation", aten::bias_activation, cpu::bias_activation,
                                             cuda::bias_activation};
  return kernel;
}

const Kernel<ActivationBackward>& activation_backward_kernel() {
  static const Kernel<ActivationBackward> kernel{"activation_backward", aten::activation_backward,
                                                 cpu::activation_backward, cuda::activation_backward};
  return kernel;
}

TypedResult bias_activation(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                            const RowLayout& rows, ResultTypes types) {
  const Kernel<BiasActivation>& kernel = bias_activation_kernel();
  check_contract(values.dim() == 2 && values.is_contiguous() && values.size(0) == rows.row_count(), kernel.name,
                 "values are not contiguous [T, I]");
  check_contract(bias.size() == rows.model_count() && bias.front().numel() == values.size(1), kernel.name,
                 "there is not one bias [I] for each model");
  TypedResult output = result_like(values, types);
  if (!has_numbers(values)) return output;
  kernel.on(values.device(), {.by_cpu = is_gelu(activation), .by_cuda = values.scalar_type() == at::kFloat})(
      activation, values, bias, rows, output);
  return output;
}

TypedResult activation_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient,
                                ResultTypes types) {
  const Kernel<ActivationBackward>& kernel = activation_backward_kernel();
  check_contract(input.dim() == 2 && input.is_contiguous() && output_gradient.is_contiguous() &&
                     input.sizes() == output_gradient.sizes(),
                 kernel.name, "input and gradient are not contiguous [T, I]");
  TypedResult gradient = result_like(input, types);
  if (!has_numbers(input)) return gradient;
  kernel.on(input.device(), {.by_cpu = is_gelu(activation), .by_cuda = input.scalar_type() == at::kFloat})(
      activation, input, output_gradient, gradient);
  return gradient;
}

}  // namespace tunescope
