#include "tunescope/kernels/layer_norm.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "backends/layer_norm.hpp"

namespace tunescope {
namespace {

bool are_rows(const at::Tensor& tensor, const RowLayout& rows) {
  return tensor.dim() == 2 && tensor.is_contiguous() && tensor.size(0) == rows.row_count();
}

void check_weights(std::string_view kernel, const LayerNormWeights& weights, const RowLayout& rows,
                   std::int64_t width) {
  const auto has_one_each = [&](const PerModelTensors& vectors) {
    return vectors.size() == rows.model_count() && vectors.front().numel() == width;
  };
  check_contract(has_one_each(weights.weight) && has_one_each(weights.bias), kernel,
                 "there is not one weight and one bias [H] for each model");
}

void allocate_moments(LayerNormActivations& saved) {
  saved.mean = at::empty({saved.input.size(0), 1}, saved.input.options());
  saved.rstd = at::empty_like(saved.mean);
}

}  // namespace

const Kernel<ResidualLayerNorm>& residual_layer_norm_kernel() {
  static const Kernel<ResidualLayerNorm> kernel{"residual_layer_norm", aten::residual_layer_norm,
                                                cpu::residual_layer_norm};
  return kernel;
}

const Kernel<ResidualLayerNormBackward>& residual_layer_norm_backward_kernel() {
  static const Kernel<ResidualLayerNormBackward> kernel{
      "residual_layer_norm_backward", aten::residual_layer_norm_backward, cpu::residual_layer_norm_backward};
  return kernel;
}

const Kernel<ParameterGradients>& layer_norm_parameter_gradients_kernel() {
  static const Kernel<ParameterGradients> kernel{"layer_norm_parameter_gradients",
                                                 aten::layer_norm_parameter_gradients};
  return kernel;
}

const Kernel<EmbeddingLayerNorm>& embedding_layer_norm_kernel() {
  static const Kernel<EmbeddingLayerNorm> kernel{"embedding_layer_norm", aten::embedding_layer_norm,
                                                 cpu::embedding_layer_norm};
  return kernel;
}

at::Tensor residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                               const Dropout& dropout, LayerNormActivations& saved) {
  const Kernel<ResidualLayerNorm>& kernel = residual_layer_norm_kernel();
  check_contract(are_rows(saved.input, rows) && are_rows(sum.residual, rows), kernel.name,
                 "the two terms are not contiguous [T, H]");
  check_weights(kernel.name, parameters, rows, saved.input.size(1));
  check_contract(sum.bias.size() == rows.model_count(), kernel.name, "there is not one bias [H] for each model");
  at::Tensor output = at::empty_like(saved.input);
  allocate_moments(saved);
  if (has_numbers(output)) kernel.on(output.device())(sum, parameters, rows, dropout, saved, output);
  return output;
}

ResidualGradients residual_layer_norm_backward(const at::Tensor& output_gradient, const PerModelTensors& weight,
                                               const RowLayout& rows, const Dropout& dropout,
                                               const LayerNormActivations& saved) {
  const Kernel<ResidualLayerNormBackward>& kernel = residual_layer_norm_backward_kernel();
  check_contract(are_rows(output_gradient, rows) && output_gradient.sizes() == saved.input.sizes(), kernel.name,
                 "the gradient of the output is not contiguous [T, H]");
  check_contract(weight.size() == rows.model_count(), kernel.name, "there is not one weight [H] for each model");
  ResidualGradients gradients;
  gradients.residual = at::empty_like(output_gradient);
  gradients.branch = dropout.probability > 0.0 ? at::empty_like(output_gradient) : gradients.residual;
  if (has_numbers(output_gradient)) {
    kernel.on(output_gradient.device())(output_gradient, weight, rows, dropout, saved, gradients);
  }
  return gradients;
}

LayerNormParameterGradients layer_norm_parameter_gradients(const at::Tensor& output_gradient,
                                                           const LayerNormActivations& saved) {
  const Kernel<ParameterGradients>& kernel = layer_norm_parameter_gradients_kernel();
  check_contract(output_gradient.sizes() == saved.input.sizes(), kernel.name,
                 "the gradient of the output is not [T, H]");
  LayerNormParameterGradients gradients;
  gradients.weight = at::empty({saved.input.size(1)}, saved.input.options());
  gradients.bias = at::empty_like(gradients.weight);
  if (has_numbers(output_gradient)) kernel.on(output_gradient.device())(output_gradient, saved, gradients);
  return gradients;
}

at::Tensor embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const Dropout& dropout, LayerNormActivations& saved) {
  const Kernel<EmbeddingLayerNorm>& kernel = embedding_layer_norm_kernel();
  const at::Tensor& vector = parameters.weight.front();
  check_weights(kernel.name, parameters, rows, vector.numel());
  for (const EmbeddingLookup& lookup : tables) {
    check_contract(lookup.ids.numel() == rows.row_count() && lookup.ids.is_contiguous(), kernel.name,
                   "there is not one id for each row");
    check_contract(lookup.table.size() == rows.model_count() && lookup.table.front().size(1) == vector.numel(),
                   kernel.name, "there is not one table [V, H] for each model");
  }
  saved.input = at::empty({rows.row_count(), vector.numel()}, vector.options());
  at::Tensor output = at::empty_like(saved.input);
  allocate_moments(saved);
  if (has_numbers(output)) kernel.on(output.device())(tables, parameters, rows, dropout, saved, output);
  return output;
}

}  // namespace tunescope
