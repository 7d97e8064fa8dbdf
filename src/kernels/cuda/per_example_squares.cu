#include <c10/core/DeviceGuard.h>

#include <algorithm>

#include "../backends/per_example_squares.hpp"
#include "device/squared_gradients.hpp"
#include "launch/id_order.hpp"
#include "launch/launch.hpp"
#include "launch/model_launches.hpp"

namespace tunescope::cuda {
namespace {

DeviceRowGroups groups_on_device(const RowGroups& groups) {
  return {.sequence_offsets = groups.sequence_offsets.device,
          .sequences = groups.sequence_count(),
          .sequences_of_a_group = groups.sequences,
          .count = groups.count()};
}

DeviceSquaredSums sums_on_device(const SquaredSums& sums) {
  const auto data = [](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.mutable_data_ptr<double>() : nullptr;
  };
  return {.weight = data(sums.weight), .bias = data(sums.bias), .outputs = sums.outputs};
}

// Rows whose numbers are contiguous; a copy of others.
at::Tensor as_rows(const at::Tensor& matrix) { return matrix.stride(1) == 1 ? matrix : matrix.contiguous(); }

MatrixRows rows_on_device(const at::Tensor& rows) { return {rows.const_data_ptr<float>(), rows.stride(0)}; }

template <int kOwn>
void launch_products(std::span<const SquaredSums> layers, const at::Tensor& gradients, const at::Tensor& inputs,
                     const RowGroups& groups) {
  constexpr int kTile = SquaresTile<kOwn>::kTile;
  DeviceSquaredLayers on_device;
  std::transform(layers.begin(), layers.end(), on_device.at, sums_on_device);
  unsigned tiles = 0;
  for (const SquaredSums& layer : layers) tiles += blocks_for(layer.outputs, kTile);
  const std::int64_t in = inputs.defined() ? inputs.size(1) : 1;  // 1: the biases alone
  launch(add_squares_of_products<kOwn>, {{blocks_for(in, kTile), tiles}, kSquaresThreads}, on_device,
         rows_on_device(gradients), inputs.defined() ? rows_on_device(inputs) : MatrixRows{}, in,
         groups_on_device(groups));
}

void launch_squared_products(std::span<const SquaredSums> layers, const at::Tensor& output_gradient,
                             const at::Tensor& input, const RowGroups& groups) {
  if (groups.count() == 0) return;
  const c10::DeviceGuard guard(output_gradient.device());
  const at::Tensor gradients = as_rows(output_gradient);
  const bool wants_weights =
      std::ranges::any_of(layers, [](const SquaredSums& layer) { return layer.weight.defined(); });
  const at::Tensor inputs = wants_weights ? as_rows(input) : at::Tensor();
  // Large tiles load less, but small matrices have too few of them for all multiprocessors of a GPU.
  constexpr std::int64_t kMultiprocessors = 132;
  constexpr std::int64_t kLargeTile = std::int64_t{SquaresTile<8>::kTile} * SquaresTile<8>::kTile;
  std::int64_t first_column = 0;
  for (; !layers.empty();) {
    const std::span<const SquaredSums> together = layers.first(std::min<std::size_t>(layers.size(), kMaxSquaredLayers));
    layers = layers.subspan(together.size());
    std::int64_t columns = 0;
    for (const SquaredSums& layer : together) columns += layer.outputs;
    const at::Tensor own = gradients.narrow(1, first_column, columns);
    first_column += columns;
    const bool is_large = inputs.defined() && columns * inputs.size(1) >= kMultiprocessors * kLargeTile;
    is_large ? launch_products<8>(together, own, inputs, groups) : launch_products<4>(together, own, inputs, groups);
  }
}

void launch_squared_layer_norm(const SquaredSums& sums, const at::Tensor& output_gradient,
                               const LayerNormActivations& saved, const RowGroups& groups) {
  if (groups.count() == 0) return;
  const c10::DeviceGuard guard(output_gradient.device());
  const at::Tensor gradients = as_rows(output_gradient);
  launch(add_squares_of_layer_norm, {{blocks_for(sums.outputs, kWarp)}, {kWarp, kNormSquaresGroups}},
         sums_on_device(sums), rows_on_device(gradients),
         {saved.input.const_data_ptr<float>(), saved.mean.const_data_ptr<float>(), saved.rstd.const_data_ptr<float>()},
         groups_on_device(groups));
}

void launch_squared_scatters(const at::Tensor& sums, const EmbeddingIds& ids, const at::Tensor& rows,
                             const RowGroups& /*are in the order*/) {
  const std::int64_t width = sums.size(1);
  const auto id_count = static_cast<std::int64_t>(ids.order->id_offsets.size()) - 1;
  if (id_count == 0 || width == 0) return;
  const c10::DeviceGuard guard(sums.device());
  const at::Tensor contiguous = rows.contiguous();
  const float* const numbers = contiguous.const_data_ptr<float>();
  const bool in_fours = take_fours(width, numbers);
  launch(in_fours ? add_squares_of_scatters<4> : add_squares_of_scatters<1>,
         {{static_cast<unsigned>(id_count), blocks_for(width, kWarp * (in_fours ? 4 : 1))}, {kWarp, kSegmentsAtOnce}},
         sums.mutable_data_ptr<double>(), numbers, static_cast<int>(width), order_on_device(*ids.order));
}

}  // namespace

AddSquaredProducts* const add_squared_products = launch_squared_products;
AddSquaredLayerNorm* const add_squared_layer_norm = launch_squared_layer_norm;
AddSquaredScatters* const add_squared_scatters = launch_squared_scatters;

}  // namespace tunescope::cuda
