#include "../backends/layer_norm.hpp"

#include <ATen/ops/embedding.h>
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

}  // namespace

void residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                         const Dropout& dropout, const LayerNormActivations& saved, const at::Tensor& output) {
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    rows.of_model(saved.input, model).add_(sum.bias[model]);
  }
  tunescope::apply_dropout_(saved.input, rows, dropout);
  saved.input.add_(sum.residual);
  normalize(parameters, rows, saved, output);
}

void residual_layer_norm_backward(const at::Tensor& output_gradient, const PerModelTensors& weight,
                                  const RowLayout& rows, const Dropout& dropout, const LayerNormActivations& saved,
                                  const ResidualGradients& gradients) {
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    const auto own = [&](const at::Tensor& all) { return rows.of_model(all, model); };
    const at::Tensor input = own(saved.input);
    const at::Tensor gradient =
        std::get<0>(at::native_layer_norm_backward(own(output_gradient), input, {input.size(1)}, own(saved.mean),
                                                   own(saved.rstd), weight[model], {}, {true, false, false}));
    own(gradients.residual).copy_(gradient);
  }
  if (gradients.branch.is_same(gradients.residual)) return;
  gradients.branch.copy_(gradients.residual);
  tunescope::apply_dropout_(gradients.branch, rows, dropout);
}

void layer_norm_parameter_gradients(const at::Tensor& output_gradient, const LayerNormActivations& saved,
                                    const LayerNormParameterGradients& gradients) {
  // The gradients do not depend on the parameters' values, but the function leaves out those of parameters that it is
  // not given.
  const auto [unused, weight, bias] =
      at::native_layer_norm_backward(output_gradient, saved.input, {saved.input.size(1)}, saved.mean, saved.rstd,
                                     gradients.weight, gradients.bias, {false, true, true});
  gradients.weight.copy_(weight);
  gradients.bias.copy_(bias);
}

void embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                          const RowLayout& rows, const Dropout& dropout, const LayerNormActivations& saved,
                          const at::Tensor& output) {
  for (const EmbeddingLookup& lookup : tables) {
    const bool is_first = &lookup == &tables.front();
    for (std::size_t model = 0; model < rows.model_count(); ++model) {
      const at::Tensor found = at::embedding(lookup.table[model], rows.of_model(lookup.ids, model));
      const at::Tensor sum = rows.of_model(saved.input, model);
      is_first ? sum.copy_(found) : sum.add_(found);
    }
  }
  normalize(parameters, rows, saved, output);
  tunescope::apply_dropout_(output, rows, dropout);
}

}  // namespace tunescope::aten
