#include <c10/core/DeviceGuard.h>

#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "../backends/layer_norm.hpp"
#include "device/rows/layer_norm.hpp"
#include "launch/device_arguments.hpp"
#include "launch/launch.hpp"
#include "launch/model_launches.hpp"

namespace tunescope::cuda {
namespace {

template <typename Number>
Number* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr<Number>() : nullptr;
}

// Whether the rows of all of these tensors can be read and written four numbers at a time.
bool are_tiled(std::initializer_list<at::Tensor> tensors) {
  for (const at::Tensor& tensor : tensors) {
    if (!tensor.defined()) continue;
    const auto bytes_of_four = static_cast<std::uintptr_t>(4 * tensor.element_size());
    if (tensor.size(1) % kTileWidth != 0) return false;
    if (reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % bytes_of_four != 0) return false;
  }
  return true;
}

// Calls `start` with the type of row that suits the width. Usual widths are compiled without a number too many.
template <typename Start>
void with_row_type(std::int64_t width, bool is_tiled, Start start) {
  using Widest = RegisterRow<8, 8, true>;
  static_assert(Widest::kWidest == kWidestLayerNorm);
  if (width > RegisterRow<8, 1, true>::kWidest) {
    is_tiled ? start(std::type_identity<Widest>()) : start(std::type_identity<RegisterRow<8, 8, false>>());
  } else if (!is_tiled) {
    start(std::type_identity<RegisterRow<8, 1, false>>());
  } else if (width > RegisterRow<6, 1, true>::kWidest) {
    start(std::type_identity<RegisterRow<8, 1, true>>());
  } else if (width > RegisterRow<3, 1, true>::kWidest) {
    start(std::type_identity<RegisterRow<6, 1, true>>());
  } else {
    start(std::type_identity<RegisterRow<3, 1, true>>());
  }
}

template <typename Row>
LaunchShape shape_of(const LayerNormRows& rows) {
  return {{blocks_for(rows.rows.end_row - rows.rows.first_row, Row::kRowsPerBlock)}, Row::kThreads};
}

ModelVectors model_vectors(const PerModelTensors& tensors, const LaunchModels& models) {
  return models.table([&](std::size_t model) { return tensors[model].const_data_ptr<float>(); });
}

DeviceLayerNorm device_layer_norm(const LayerNormWeights& parameters, const LayerNormActivations& saved,
                                  const LaunchModels& models) {
  return {.weight = model_vectors(parameters.weight, models),
          .bias = model_vectors(parameters.bias, models),
          .epsilon = static_cast<float>(parameters.epsilon),
          .mean = saved.mean.mutable_data_ptr<float>(),
          .rstd = saved.rstd.mutable_data_ptr<float>()};
}

NormalizedRows normalized_rows(const at::Tensor& output, const LayerNormExtras& extras) {
  return {.values = output.mutable_data_ptr<float>(),
          .bfloat16 = data_or_null<c10::BFloat16>(extras.bfloat16),
          .squares = data_or_null<float>(extras.output_squares)};
}

void launch_residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                                const Dropout& dropout, const LayerNormActivations& saved, const at::Tensor& output,
                                const LayerNormExtras& extras) {
  const c10::DeviceGuard guard(output.device());
  const std::int64_t width = output.size(1);
  const bool is_tiled = are_tiled({saved.input, sum.residual, output, extras.bfloat16});
  for_each_launch(rows, [&](const LaunchModels& models, const DeviceRows& of_launch) {
    const ResidualLayerNormTask task{.rows = {of_launch, rows.sequence_offsets.device, width},
                                     .dropout = device_dropout(rows.streams, dropout),
                                     .bias = model_vectors(sum.bias, models),
                                     .input = saved.input.mutable_data_ptr<float>(),
                                     .residual = sum.residual.const_data_ptr<float>(),
                                     .branch_squares = data_or_null<float>(extras.branch_squares),
                                     .norm = device_layer_norm(parameters, saved, models),
                                     .output = normalized_rows(output, extras)};
    with_row_type(width, is_tiled, [&]<typename Row>(std::type_identity<Row>) {
      launch(normalize_residual_sums<Row>, shape_of<Row>(task.rows), task);
    });
  });
}

void launch_residual_layer_norm_backward(const NormalizedGradients& of_results, const PerModelTensors& weight,
                                         const RowLayout& rows, const Dropout& dropout,
                                         const LayerNormActivations& saved, const ResidualGradients& gradients,
                                         const ResidualGradientExtras& extras) {
  const at::Tensor& output_gradient = of_results.output;
  const c10::DeviceGuard guard(output_gradient.device());
  const std::int64_t width = output_gradient.size(1);
  const bool is_tiled = are_tiled(
      {output_gradient, of_results.sum, saved.input, gradients.residual, gradients.branch, extras.branch_bfloat16});
  const bool has_branch = !gradients.branch.is_same(gradients.residual);
  for_each_launch(rows, [&](const LaunchModels& models, const DeviceRows& of_launch) {
    const ResidualLayerNormBackwardTask task{
        .rows = {of_launch, rows.sequence_offsets.device, width},
        .dropout = device_dropout(rows.streams, dropout),
        .weight = model_vectors(weight, models),
        .output_gradient = output_gradient.const_data_ptr<float>(),
        .sum_gradient = of_results.sum.defined() ? of_results.sum.const_data_ptr<float>() : nullptr,
        .input = saved.input.const_data_ptr<float>(),
        .mean = saved.mean.const_data_ptr<float>(),
        .rstd = saved.rstd.const_data_ptr<float>(),
        .residual = gradients.residual.mutable_data_ptr<float>(),
        .branch = has_branch ? gradients.branch.mutable_data_ptr<float>() : nullptr,
        .branch_bfloat16 = data_or_null<c10::BFloat16>(extras.branch_bfloat16),
        .output_squares = data_or_null<float>(extras.output_squares),
        .residual_squares = data_or_null<float>(extras.residual_squares)};
    with_row_type(width, is_tiled, [&]<typename Row>(std::type_identity<Row>) {
      launch(differentiate_residual_sums<Row>, shape_of<Row>(task.rows), task);
    });
  });
}

void launch_embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                 const RowLayout& rows, const EmbeddingDropout& dropout,
                                 const LayerNormActivations& saved, const at::Tensor& output,
                                 const LayerNormExtras& extras) {
  static_assert(kLookupsPerLaunch == kMostEmbeddings);
  const c10::DeviceGuard guard(output.device());
  const std::int64_t width = output.size(1);
  const bool is_tiled = are_tiled({saved.input, output, extras.bfloat16});
  for_each_launch(rows, [&](const LaunchModels& models, const DeviceRows& of_launch) {
    EmbeddingLayerNormTask task{.rows = {of_launch, rows.sequence_offsets.device, width},
                                .dropout_of_sum = device_dropout(rows.streams, dropout.of_sum),
                                .dropout_of_output = device_dropout(rows.streams, dropout.of_output),
                                .lookup_count = static_cast<int>(tables.size()),
                                .input = saved.input.mutable_data_ptr<float>(),
                                .norm = device_layer_norm(parameters, saved, models),
                                .output = normalized_rows(output, extras)};
    for (std::size_t i = 0; i < tables.size(); ++i) {
      task.lookups[i] = {model_vectors(tables[i].table, models), tables[i].ids.const_data_ptr<std::int64_t>()};
    }
    with_row_type(width, is_tiled, [&]<typename Row>(std::type_identity<Row>) {
      launch(normalize_embeddings<Row>, shape_of<Row>(task.rows), task);
    });
  });
}

}  // namespace

ResidualLayerNorm* const residual_layer_norm = launch_residual_layer_norm;
ResidualLayerNormBackward* const residual_layer_norm_backward = launch_residual_layer_norm_backward;
EmbeddingLayerNorm* const embedding_layer_norm = launch_embedding_layer_norm;

}  // namespace tunescope::cuda
