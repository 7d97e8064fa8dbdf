#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>

#include <tuple>

#include "../layer_norm_backends.hpp"

namespace tunescope::aten {
namespace {

// Calls `work` for each model and concatenates the rows that it returns.
template <typename Work>
at::Tensor by_model(const RowLayout& rows, Work work) {
  std::vector<at::Tensor> parts;
  for (std::size_t model = 0; model + 1 < rows.model_offsets.size(); ++model) parts.push_back(work(model));
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

void drop(const at::Tensor& values, const RowLayout& rows, const Dropout& dropout) {
  apply_dropout_(values, {rows.sequence_offsets, values.size(1)}, rows.streams, dropout);
}

at::Tensor normalize(const LayerNormWeights& parameters, const RowLayout& rows, LayerNormActivations& saved) {
  std::vector<at::Tensor> means, rstds;
  at::Tensor output = by_model(rows, [&](std::size_t model) {
    auto [own, mean, rstd] =
        at::native_layer_norm(rows_of_model(saved.input, rows, model), {saved.input.size(1)}, parameters.weight[model],
                              parameters.bias[model], parameters.epsilon);
    means.push_back(std::move(mean));
    rstds.push_back(std::move(rstd));
    return own;
  });
  saved.mean = at::cat(means);
  saved.rstd = at::cat(rstds);
  return output;
}

}  // namespace

at::Tensor residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                               const Dropout& dropout, LayerNormActivations& saved) {
  for (std::size_t model = 0; model < sum.bias.size(); ++model) {
    rows_of_model(saved.input, rows, model).add_(sum.bias[model]);
  }
  drop(saved.input, rows, dropout);
  saved.input.add_(sum.residual);
  return normalize(parameters, rows, saved);
}

ResidualGradients residual_layer_norm_backward(const at::Tensor& output_gradient, const PerModelTensors& weight,
                                               const RowLayout& rows, const Dropout& dropout,
                                               const LayerNormActivations& saved) {
  const at::Tensor gradient = by_model(rows, [&](std::size_t model) {
    return std::get<0>(at::native_layer_norm_backward(
        rows_of_model(output_gradient, rows, model), rows_of_model(saved.input, rows, model), {saved.input.size(1)},
        rows_of_model(saved.mean, rows, model), rows_of_model(saved.rstd, rows, model), weight[model], {},
        {true, false, false}));
  });
  if (dropout.probability == 0.0) return {gradient, gradient};
  const at::Tensor branch = gradient.clone();
  drop(branch, rows, dropout);
  return {gradient, branch};
}

at::Tensor embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const Dropout& dropout, LayerNormActivations& saved) {
  saved.input = by_model(rows, [&](std::size_t model) {
    at::Tensor sum;
    for (const EmbeddingLookup& table : tables) {
      const at::Tensor found = at::embedding(table.table[model], rows_of_model(table.ids, rows, model));
      sum = sum.defined() ? sum.add_(found) : found;
    }
    return sum;
  });
  at::Tensor output = normalize(parameters, rows, saved);
  drop(output, rows, dropout);
  return output;
}

}  // namespace tunescope::aten
