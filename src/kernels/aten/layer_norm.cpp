#include "../backends/layer_norm.hpp"

#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>

#include <tuple>

namespace tunescope::aten {
namespace {

void normalize(const LayerNormWeights& parameters, const RowLayout& rows, const LayerNormActivations& saved,
               const at::Tensor& output) {
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    const at::Tensor input = rows.of_model(saved.input, model);
    const auto [own, mean, rstd] = at::native_layer_norm(input, {input.size(1)}, parameters.weight[model],
                                                         parameters.bias[model], parameters.epsilon);
    rows.of_model(output, model).copy_(own);
    rows.of_model(saved.mean, model).copy_(mean);
    rows.of_model(saved.rstd, model).copy_(rstd);
  }
}

void sum_squares(const at::Tensor& rows, const at::Tensor& sums) {
  if (sums.defined()) sums.copy_(rows.square().sum(1));
}

void fill_extras(const at::Tensor& output, const LayerNormExtras& extras) {
  if (extras.bfloat16.defined()) extras.bfloat16.copy_(output);
  sum_squares(output, extras.output_squares);
}

void put_gradient(const GradientTarget& target, const at::Tensor& computed) {
  if (!target.gradient.defined()) return;
  target.accumulate == Accumulate::kNo ? target.gradient.copy_(computed) : target.gradient.add_(computed);
}

}  // namespace

void residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                         const Dropout& dropout, const LayerNormActivations& saved, const at::Tensor& output,
                         const LayerNormExtras& extras) {
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    rows.of_model(saved.input, model).add_(sum.bias[model]);
  }
  tunescope::apply_dropout_(saved.input, rows, dropout);
  sum_squares(saved.input, extras.branch_squares);
  saved.input.add_(sum.residual);
  normalize(parameters, rows, saved, output);
  fill_extras(output, extras);
}

void residual_layer_norm_backward(const NormalizedGradients& of_results, const PerModelTensors& weight,
                                  const RowLayout& rows, const Dropout& dropout, const LayerNormActivations& saved,
                                  const ResidualGradients& gradients, const ResidualGradientExtras& extras) {
  const auto& [output_gradient, sum_gradient] = of_results;
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    const auto own = [&](const at::Tensor& all) { return rows.of_model(all, model); };
    const at::Tensor input = own(saved.input);
    const at::Tensor gradient =
        std::get<0>(at::native_layer_norm_backward(own(of_results.output), input, {input.size(1)}, own(saved.mean),
                                                   own(saved.rstd), weight[model], {}, {true, false, false}));
    own(gradients.residual).copy_(gradient);
  }
  if (sum_gradient.defined()) gradients.residual.add_(sum_gradient);
  if (!gradients.branch.is_same(gradients.residual)) {
    gradients.branch.copy_(gradients.residual);
    tunescope::apply_dropout_(gradients.branch, rows, dropout);
  }
  if (extras.branch_bfloat16.defined()) extras.branch_bfloat16.copy_(gradients.branch);
  sum_squares(output_gradient, extras.output_squares);
  sum_squares(gradients.residual, extras.residual_squares);
}

void layer_norm_parameter_gradients(const at::Tensor& output_gradient, const LayerNormActivations& saved,
                                    const RowLayout& rows, std::span<const LayerNormTargets> targets) {
  for (std::size_t model = 0; model < targets.size(); ++model) {
    const auto& [of_weight, of_bias] = targets[model];
    if (!of_weight.gradient.defined() && !of_bias.gradient.defined()) continue;
    const auto own = [&rows, model](const at::Tensor& all) { return rows.of_model(all, model); };
    const at::Tensor input = own(saved.input);
    // The gradients do not depend on the parameters' values, but the function leaves out those of parameters that it
    // is not given.
    const at::Tensor parameter = at::empty({input.size(1)}, input.options());
    const auto [unused, weight, bias] =
        at::native_layer_norm_backward(own(output_gradient), input, {input.size(1)}, own(saved.mean), own(saved.rstd),
                                       parameter, parameter, {false, true, true});
    put_gradient(of_weight, weight);
    put_gradient(of_bias, bias);
  }
}

void embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                          const RowLayout& rows, const EmbeddingDropout& dropout, const LayerNormActivations& saved,
                          const at::Tensor& output, const LayerNormExtras& extras) {
  for (const EmbeddingLookup& lookup : tables) {
    const bool is_first = &lookup == &tables.front();
    for (std::size_t model = 0; model < rows.model_count(); ++model) {
      const at::Tensor found = at::embedding(lookup.table[model], rows.of_model(lookup.ids, model));
      const at::Tensor sum = rows.of_model(saved.input, model);
      is_first ? sum.copy_(found) : sum.add_(found);
    }
  }
  tunescope::apply_dropout_(saved.input, rows, dropout.of_sum);
  normalize(parameters, rows, saved, output);
  tunescope::apply_dropout_(output, rows, dropout.of_output);
  fill_extras(output, extras);
}

}  // namespace tunescope::aten
