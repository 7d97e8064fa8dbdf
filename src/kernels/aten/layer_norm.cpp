#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>

#include <tuple>

#include "../layer_norm_backends.hpp"

namespace tunescope::aten {
namespace {

// work(lane) for each, the results one below the other.
template <typename Work>
at::Tensor by_lane(const RowLayout& rows, Work work) {
  std::vector<at::Tensor> parts;
  for (std::size_t lane = 0; lane + 1 < rows.model_offsets.size(); ++lane) parts.push_back(work(lane));
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

void drop(const at::Tensor& values, const RowLayout& rows, const Dropout& dropout) {
  apply_dropout_(values, {rows.sequence_offsets, values.size(1)}, rows.streams, dropout);
}

at::Tensor normalise(const LayerNormWeights& parameters, const RowLayout& rows, LayerNormActivations& saved) {
  std::vector<at::Tensor> means, rstds;
  at::Tensor output = by_lane(rows, [&](std::size_t lane) {
    auto [own, mean, rstd] = at::native_layer_norm(rows_of_model(saved.input, rows, lane), {saved.input.size(1)},
                                                   parameters.weight[lane], parameters.bias[lane], parameters.epsilon);
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
  for (std::size_t lane = 0; lane < sum.bias.size(); ++lane)
    rows_of_model(saved.input, rows, lane).add_(sum.bias[lane]);
  drop(saved.input, rows, dropout);
  saved.input.add_(sum.residual);
  return normalise(parameters, rows, saved);
}

ResidualGradients residual_layer_norm_backward(const at::Tensor& output_gradient, const PerModelTensors& weight,
                                               const RowLayout& rows, const Dropout& dropout,
                                               const LayerNormActivations& saved) {
  const at::Tensor gradient = by_lane(rows, [&](std::size_t lane) {
    return std::get<0>(at::native_layer_norm_backward(
        rows_of_model(output_gradient, rows, lane), rows_of_model(saved.input, rows, lane), {saved.input.size(1)},
        rows_of_model(saved.mean, rows, lane), rows_of_model(saved.rstd, rows, lane), weight[lane], {},
        {true, false, false}));
  });
  if (dropout.probability == 0.0) return {gradient, gradient};
  const at::Tensor product = gradient.clone();
  drop(product, rows, dropout);
  return {gradient, product};
}

at::Tensor embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const Dropout& dropout, LayerNormActivations& saved) {
  saved.input = by_lane(rows, [&](std::size_t lane) {
    at::Tensor sum;
    for (const EmbeddingLookup& table : tables) {
      const at::Tensor found = at::embedding(table.table[lane], rows_of_model(table.ids, rows, lane));
      sum = sum.defined() ? sum.add_(found) : found;
    }
    return sum;
  });
  at::Tensor output = normalise(parameters, rows, saved);
  drop(output, rows, dropout);
  return output;
}

}  // namespace tunescope::aten
