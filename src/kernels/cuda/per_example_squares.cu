#include <c10/core/DeviceGuard.h>

#include <algorithm>

#include "../backends/per_example_squares.hpp"
#include "device/squares/layer_norm.hpp"
#include "device/squares/matrix_products.hpp"
#include "device/squares/products.hpp"
#include "device/squares/scatters.hpp"
#include "launch/id_order.hpp"
#include "launch/launch.hpp"
#include "launch/model_launches.hpp"
#include "tunescope/device/libtorch_settings.hpp"

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

// Up to `kMaxSquaredLayers` layers, and the two factors of their gradients.
struct Products {
  std::span<const SquaredSums> layers;
  at::Tensor gradients;
  at::Tensor inputs;  // undefined: the biases alone
  const RowGroups& groups;

  std::int64_t in() const { return inputs.defined() ? inputs.size(1) : 1; }
  DeviceSquaredLayers layers_on_device() const {
    DeviceSquaredLayers on_device;
    std::transform(layers.begin(), layers.end(), on_device.at, sums_on_device);
    return on_device;
  }
  dim3 grid(int tile) const {
    unsigned tiles = 0;
    for (const SquaredSums& layer : layers) tiles += blocks_for(layer.outputs, tile);
    return {blocks_for(in(), tile), tiles};
  }
};

template <int kOwn>
void launch_in_float32(const Products& products) {
  launch(add_squares_of_products<kOwn>, {products.grid(SquaresTile<kOwn>::kTile), kSquaresThreads},
         products.layers_on_device(), rows_on_device(products.gradients),
         products.inputs.defined() ? rows_on_device(products.inputs) : MatrixRows{}, products.in(),
         groups_on_device(products.groups));
}

void launch_in_float32(const Products& products) {
  // Large tiles load less, but small matrices have too few of them for all multiprocessors of a GPU.
  constexpr std::int64_t kMultiprocessors = 132;
  constexpr std::int64_t kLargeTile = std::int64_t{SquaresTile<8>::kTile} * SquaresTile<8>::kTile;
  const bool is_large = products.gradients.size(1) * products.in() >= kMultiprocessors * kLargeTile;
  is_large ? launch_in_float32<8>(products) : launch_in_float32<4>(products);
}

// Whether the rows are of whole vectors of 16 bytes at multiples of that, and so are the columns of each layer.
bool fits_matrix_instruction(const Products& products) {
  constexpr std::int64_t kColumns = 8;
  const auto is_in_vectors = [](const at::Tensor& rows) {
    return rows.size(1) % kColumns == 0 && rows.stride(0) % kColumns == 0 && is_aligned(rows.const_data_ptr(), 16);
  };
  return products.inputs.defined() && is_in_vectors(products.inputs) && is_in_vectors(products.gradients) &&
         std::ranges::all_of(products.layers, [](const SquaredSums& layer) {
           const bool is_in_fours =
               !layer.weight.defined() || is_aligned(layer.weight.const_data_ptr(), 4 * sizeof(double));
           return layer.outputs % kColumns == 0 && is_in_fours;
         });
}

template <FactorType kType>
void launch_by_matrix(const Products& products) {
  const auto vectors = [](const at::Tensor& rows) {
    return VectorRows{static_cast<const std::byte*>(rows.const_data_ptr()), rows.stride(0) * rows.element_size()};
  };
  launch(add_squares_by_matrix<kType>, {products.grid(kMatrixTile), kMatrixThreads}, products.layers_on_device(),
         vectors(products.gradients), vectors(products.inputs), products.in(), groups_on_device(products.groups));
}

at::Tensor in_float32(const at::Tensor& rows) { return rows.defined() ? rows.to(at::kFloat) : rows; }

void launch_products(const Products& products) {
  const bool is_bfloat16 = products.gradients.scalar_type() == at::kBFloat16;
  if ((is_bfloat16 || multiplies_in_tf32()) && fits_matrix_instruction(products)) {
    is_bfloat16 ? launch_by_matrix<FactorType::kBfloat16>(products) : launch_by_matrix<FactorType::kTf32>(products);
  } else if (is_bfloat16) {
    launch_in_float32({products.layers, in_float32(products.gradients), in_float32(products.inputs), products.groups});
  } else {
    launch_in_float32(products);
  }
}

void launch_squared_products(std::span<const SquaredSums> layers, const at::Tensor& output_gradient,
                             const at::Tensor& input, const RowGroups& groups) {
  if (groups.count() == 0) return;
  const c10::DeviceGuard guard(output_gradient.device());
  const at::Tensor gradients = as_rows(output_gradient);
  const bool wants_weights =
      std::ranges::any_of(layers, [](const SquaredSums& layer) { return layer.weight.defined(); });
  const at::Tensor inputs = wants_weights ? as_rows(input) : at::Tensor();
  std::int64_t first_column = 0;
  for (; !layers.empty();) {
    const std::span<const SquaredSums> together = layers.first(std::min<std::size_t>(layers.size(), kMaxSquaredLayers));
    layers = layers.subspan(together.size());
    std::int64_t columns = 0;
    for (const SquaredSums& layer : together) columns += layer.outputs;
    launch_products({together, gradients.narrow(1, first_column, columns), inputs, groups});
    first_column += columns;
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
