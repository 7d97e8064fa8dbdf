#include "tunescope/kernels/layer_norm.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <initializer_list>

#include "backends/layer_norm.hpp"
#include "tunescope/kernels/products/product_rows.hpp"

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

void check_extra(std::string_view kernel, const at::Tensor& extra, at::IntArrayRef sizes, at::ScalarType type) {
  check_contract(!extra.defined() || (extra.sizes() == sizes && extra.scalar_type() == type && extra.is_contiguous()),
                 kernel, "what is to be written besides is not of the shape and type of its kind");
}

// `twin` is of the numbers of `rows` in bfloat16, `squares` are sums over its rows.
void check_extras(std::string_view kernel, const at::Tensor& rows, const at::Tensor& twin,
                  std::initializer_list<at::Tensor> squares) {
  check_extra(kernel, twin, rows.sizes(), at::kBFloat16);
  for (const at::Tensor& sums : squares) check_extra(kernel, sums, {rows.size(0)}, rows.scalar_type());
}

// A kernel that drops out on the way counts the rows of each sequence from 0.
void check_dropout(std::string_view kernel, const RowLayout& rows, double probability) {
  check_contract(probability <= 0.0 || rows.first_numbers.size() == 0, kernel,
                 "the rows of a sequence do not count from 0, which apply_dropout_ alone takes into account");
}

// Whether the kernels for GPUs take rows of these.
bool has_cuda_rows(const at::Tensor& rows) {
  return rows.scalar_type() == at::kFloat && rows.size(1) <= cuda::kWidestLayerNorm;
}

void allocate_moments(LayerNormActivations& saved) {
  saved.mean = at::empty({saved.input.size(0), 1}, saved.input.options());
  saved.rstd = at::empty_like(saved.mean);
}

}  // namespace

const Kernel<ResidualLayerNorm>& residual_layer_norm_kernel() {
  static const Kernel<ResidualLayerNorm> kernel{"residual_layer_norm", aten::residual_layer_norm,
                                                cpu::residual_layer_norm, cuda::residual_layer_norm};
  return kernel;
}

const Kernel<ResidualLayerNormBackward>& residual_layer_norm_backward_kernel() {
  static const Kernel<ResidualLayerNormBackward> kernel{
      "residual_layer_norm_backward", aten::residual_layer_norm_backward, cpu::residual_layer_norm_backward,
      cuda::residual_layer_norm_backward};
  return kernel;
}

const Kernel<ParameterGradients>& layer_norm_parameter_gradients_kernel() {
  static const Kernel<ParameterGradients> kernel{"layer_norm_parameter_gradients", aten::layer_norm_parameter_gradients,
                                                 cpu::layer_norm_parameter_gradients,
                                                 cuda::layer_norm_parameter_gradients};
  return kernel;
}

const Kernel<EmbeddingLayerNorm>& embedding_layer_norm_kernel() {
  static const Kernel<EmbeddingLayerNorm> kernel{"embedding_layer_norm", aten::embedding_layer_norm,
                                                 cpu::embedding_layer_norm, cuda::embedding_layer_norm};
  return kernel;
}

at::Tensor residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                               const Dropout& dropout, LayerNormActivations& saved, const LayerNormExtras& extras) {
  const Kernel<ResidualLayerNorm>& kernel = residual_layer_norm_kernel();
  check_contract(are_rows(saved.input, rows) && are_rows(sum.residual, rows), kernel.name,
                 "the two terms are not contiguous [T, H]");
  check_weights(kernel.name, parameters, rows, saved.input.size(1));
  check_contract(sum.bias.size() == rows.model_count(), kernel.name, "there is not one bias [H] for each model");
  check_dropout(kernel.name, rows, dropout.probability);
  check_extras(kernel.name, saved.input, extras.bfloat16, {extras.output_squares, extras.branch_squares});
  at::Tensor output = empty_operand_like(saved.input);
  allocate_moments(saved);
  if (!has_numbers(output)) return output;
  kernel.on(output.device(), {.by_cuda = has_cuda_rows(output)})(sum, parameters, rows, dropout, saved, output, extras);
  return output;
}

ResidualGradients residual_layer_norm_backward(const NormalizedGradients& of_results, const PerModelTensors& weight,
                                               const RowLayout& rows, const Dropout& dropout,
                                               const LayerNormActivations& saved,
                                               const ResidualGradientExtras& extras) {
  const Kernel<ResidualLayerNormBackward>& kernel = residual_layer_norm_backward_kernel();
  const auto& [output_gradient, sum_gradient] = of_results;
  check_extra(kernel.name, sum_gradient, output_gradient.sizes(), output_gradient.scalar_type());
  check_contract(are_rows(output_gradient, rows) && output_gradient.sizes() == saved.input.sizes(), kernel.name,
                 "the gradient of the output is not contiguous [T, H]");
  check_contract(weight.size() == rows.model_count(), kernel.name, "there is not one weight [H] for each model");
  check_dropout(kernel.name, rows, dropout.probability);
  check_extras(kernel.name, output_gradient, extras.branch_bfloat16, {extras.output_squares, extras.residual_squares});
  ResidualGradients gradients;
  gradients.residual = empty_operand_like(output_gradient);
  gradients.branch = dropout.probability > 0.0 ? empty_operand_like(output_gradient) : gradients.residual;
  if (!has_numbers(output_gradient)) return gradients;
  kernel.on(output_gradient.device(), {.by_cuda = has_cuda_rows(output_gradient)})(of_results, weight, rows, dropout,
                                                                                   saved, gradients, extras);
  return gradients;
}

void layer_norm_parameter_gradients(const at::Tensor& output_gradient, const LayerNormActivations& saved,
                                    const RowLayout& rows, std::span<const LayerNormTargets> targets) {
  const Kernel<ParameterGradients>& kernel = layer_norm_parameter_gradients_kernel();
  const auto are_rows_of_models = [&](const at::Tensor& tensor) {
    return tensor.dim() == 2 && tensor.is_contiguous() && tensor.size(0) == rows.model_offsets.host.back();
  };
  check_contract(are_rows_of_models(output_gradient) && are_rows_of_models(saved.input) &&
                     output_gradient.sizes() == saved.input.sizes(),
                 kernel.name, "the gradient of the output and the input are not contiguous [T, H]");
  check_contract(targets.size() == rows.model_count(), kernel.name, "there is not one pair of targets for each model");
  for (const auto& [weight, bias] : targets) {
    for (const at::Tensor& gradient : {weight.gradient, bias.gradient}) {
      check_extra(kernel.name, gradient, {output_gradient.size(1)}, output_gradient.scalar_type());
    }
  }
  if (!has_numbers(output_gradient)) return;
  kernel.on(output_gradient.device(), {.by_cuda = output_gradient.scalar_type() == at::kFloat})(output_gradient, saved,
                                                                                                rows, targets);
}

at::Tensor embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const EmbeddingDropout& dropout, LayerNormActivations& saved,
                                const LayerNormExtras& extras) {
  const Kernel<EmbeddingLayerNorm>& kernel = embedding_layer_norm_kernel();
  const at::Tensor& vector = parameters.weight.front();
  check_weights(kernel.name, parameters, rows, vector.numel());
  check_dropout(kernel.name, rows, std::max(dropout.of_sum.probability, dropout.of_output.probability));
  for (const EmbeddingLookup& lookup : tables) {
    check_contract(lookup.ids.numel() == rows.row_count() && lookup.ids.is_contiguous(), kernel.name,
                   "there is not one id for each row");
    check_contract(lookup.table.size() == rows.model_count() && lookup.table.front().size(1) == vector.numel(),
                   kernel.name, "there is not one table [V, H] for each model");
  }
  saved.input = at::empty({rows.row_count(), vector.numel()}, vector.options());
  check_extras(kernel.name, saved.input, extras.bfloat16, {extras.output_squares});
  check_contract(!extras.branch_squares.defined(), kernel.name, "there is no branch whose squares could be summed");
  at::Tensor output = empty_operand_like(saved.input);
  allocate_moments(saved);
  if (!has_numbers(output)) return output;
  kernel.on(output.device(), {.by_cuda = has_cuda_rows(output) && tables.size() <= cuda::kMostEmbeddings})(
      tables, parameters, rows, dropout, saved, output, extras);
  return output;
}

}  // namespace tunescope
