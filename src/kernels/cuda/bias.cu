#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>

#include "../backends/linear.hpp"
#include "device/column_sums.hpp"
#include "device/rows/row_models.hpp"
#include "device/ticket.hpp"
#include "device/vector.hpp"
#include "launch/launch.hpp"
#include "launch/model_launches.hpp"
#include "launch/tickets.hpp"

namespace tunescope::cuda {
namespace {

constexpr int kRowsPerBlock = 8;  // a warp each

// The biases of one layer, whose outputs are some columns of a wider tensor.
struct LayerBias {
  ByModel<const float*> biases;
  int first_column;
  int width;
  bool are_aligned;
};
constexpr std::size_t kLayersPerLaunch = 4;
struct LayerBiases {
  LayerBias of[kLayersPerLaunch];
};

constexpr int kVectors = 4;  // of a thread

// A warp fills kVectors vectors in each of its lanes of one row. blockIdx.y is the number of this part of the row,
// blockIdx.z the layer.
template <int kCount>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp)
    fill_rows(DeviceRows rows, LayerBiases layers, float* output, std::int64_t row_width) {
  const std::int64_t row = rows.first_row + std::int64_t{blockIdx.x} * kRowsPerBlock + threadIdx.y;
  if (row >= rows.end_row) return;
  const LayerBias& layer = layers.of[blockIdx.z];
  const float* const bias = layer.biases.of[rows.model_of(row)];
  float* const to = output + row * row_width + layer.first_column;
  const int first = static_cast<int>((blockIdx.y * kVectors * kWarp + threadIdx.x) * kCount);
  for (int i = 0; i < kVectors; ++i) {
    const int column = first + i * static_cast<int>(kWarp) * kCount;
    if (column < layer.width) store(to + column, load<kCount>(bias + column, layer.are_aligned));
  }
}

void launch_fill(const at::Tensor& output, std::span<const PerModelTensors> biases, const RowLayout& rows) {
  const c10::DeviceGuard guard(output.device());
  float* const numbers = output.mutable_data_ptr<float>();
  bool in_fours = take_fours(output.size(1), numbers);
  for (const PerModelTensors& bias : biases) in_fours = in_fours && bias.front().numel() % 4 == 0;
  std::int64_t column = 0;
  for (std::size_t first = 0; first < biases.size(); first += kLayersPerLaunch) {
    const auto layers = biases.subspan(first, std::min(kLayersPerLaunch, biases.size() - first));
    const std::int64_t first_column = column;
    for_each_launch(rows, [&](const LaunchModels& models, const DeviceRows& of_launch) {
      LayerBiases arguments = {};
      std::int64_t widest = 0;
      column = first_column;
      for (std::size_t i = 0; i < layers.size(); ++i) {
        const std::int64_t width = layers[i].front().numel();
        arguments.of[i] = {models.table([&](std::size_t model) -> const float* {
                             return layers[i][model].template const_data_ptr<float>();
                           }),
                           static_cast<int>(column), static_cast<int>(width), are_aligned(layers[i])};
        column += width;
        widest = std::max(widest, width);
      }
      const unsigned parts = blocks_for(widest, kVectors * kWarp * (in_fours ? 4 : 1));
      if (parts == 0) return;
      launch(in_fours ? fill_rows<4> : fill_rows<1>,
             {{blocks_for(of_launch.end_row - of_launch.first_row, kRowsPerBlock), parts,
               static_cast<unsigned>(layers.size())},
              {kWarp, kRowsPerBlock}},
             of_launch, arguments, numbers, output.size(1));
    });
  }
}

constexpr int kRowsPerWarp = 8;
constexpr int kRowsPerChunk = kSummingWarps * kRowsPerWarp;

// The rows of one model and where their column sums go; null: nowhere.
struct ColumnSums {
  std::int64_t first_row;
  std::int64_t rows;
  float* target;
  bool accumulate;

  // One, of no rows, if the model has none.
  __device__ __host__ std::int64_t chunks() const {
    return rows <= kRowsPerChunk ? 1 : (rows + kRowsPerChunk - 1) / kRowsPerChunk;
  }
};

// A block sums a chunk of a model's rows for some columns: blockIdx.x is the number of the columns, blockIdx.y that of
// the chunk, blockIdx.z the model. The block of a model and columns that ends last adds up the chunks.
template <int kCount>
__global__ void __launch_bounds__(kSummingThreads)
    sum_columns(const float* numbers, std::int64_t stride, int width, ByModel<ColumnSums> models, float* partials,
                unsigned* tickets) {
  using Numbers = Vector<float, kCount>;
  SHARED_ARRAY(Numbers, shared, kSummingThreads);
  const ColumnSums& model = models.of[blockIdx.z];
  const std::int64_t chunks = model.chunks();
  if (model.target == nullptr || blockIdx.y >= chunks) return;
  const int first_column = static_cast<int>(blockIdx.x) * kColumnsPerWarp<kCount>;
  const int column = first_column + static_cast<int>(threadIdx.x) * kCount;
  const int thread = static_cast<int>(threadIdx.y * kWarp + threadIdx.x);
  const bool has_sum = thread < kColumnsPerWarp<kCount> && first_column + thread < width;

  Numbers loaded[kRowsPerWarp] = {};
  for (int i = 0; i < kRowsPerWarp; ++i) {
    const std::int64_t row = std::int64_t{blockIdx.y} * kRowsPerChunk + i * kSummingWarps + threadIdx.y;
    if (row < model.rows && column < width) {
      loaded[i] = load<kCount>(numbers + (model.first_row + row) * stride + column);
    }
  }
  Numbers sums = {};
  for (int i = 0; i < kRowsPerWarp; ++i) add(sums, loaded[i]);
  float sum = sum_over_warps(shared, sums);

  if (chunks > 1) {
    float* const of_model = partials + std::int64_t{blockIdx.z} * gridDim.y * width;
    if (has_sum) of_model[std::int64_t{blockIdx.y} * width + first_column + thread] = sum;
    unsigned* const ticket = tickets + blockIdx.z * gridDim.x + blockIdx.x;
    if (!is_last_block(ticket, static_cast<unsigned>(chunks))) return;
    Numbers of_chunks = {};
    for (std::int64_t chunk = threadIdx.y; chunk < chunks; chunk += kSummingWarps) {
      if (column < width) add(of_chunks, load<kCount>(of_model + chunk * width + column));
    }
    sum = sum_over_warps(shared, of_chunks);
  }
  if (has_sum) {
    float& target = model.target[first_column + thread];
    target = model.accumulate ? target + sum : sum;
  }
}

void launch_bias_gradients(const at::Tensor& output_gradient, std::span<const std::int64_t> model_offsets,
                           std::span<const GradientTarget> targets) {
  const std::int64_t width = output_gradient.size(1);
  if (width == 0) return;
  const c10::DeviceGuard guard(output_gradient.device());
  const float* const numbers = output_gradient.const_data_ptr<float>();
  const std::int64_t stride = output_gradient.stride(0);
  const bool in_fours = take_fours(width, numbers) && stride % 4 == 0;
  const unsigned column_blocks = blocks_for(width, kWarp * (in_fours ? 4 : 1));
  for_each_launch(targets.size(), [&](const LaunchModels& models) {
    std::int64_t most_chunks = 0;
    const auto sums = models.table([&](std::size_t model) {
      const at::Tensor& target = targets[model].gradient;
      const ColumnSums of_model{model_offsets[model], model_offsets[model + 1] - model_offsets[model],
                                target.defined() ? target.mutable_data_ptr<float>() : nullptr,
                                targets[model].accumulate == Accumulate::kYes};
      if (target.defined()) most_chunks = std::max(most_chunks, of_model.chunks());
      return of_model;
    });
    if (most_chunks == 0) return;
    const auto model_count = static_cast<std::int64_t>(models.count);
    const at::Tensor partials =
        at::empty({most_chunks > 1 ? model_count * most_chunks * width : 0}, output_gradient.options());
    launch(in_fours ? sum_columns<4> : sum_columns<1>,
           {{column_blocks, static_cast<unsigned>(most_chunks), static_cast<unsigned>(models.count)},
            {kWarp, kSummingWarps}},
           numbers, stride, static_cast<int>(width), sums, partials.mutable_data_ptr<float>(),
           tickets(output_gradient.device(), model_count * column_blocks));
  });
}

}  // namespace

FillWithBias* const fill_with_bias = launch_fill;
BiasGradients* const bias_gradients = launch_bias_gradients;

}  // namespace tunescope::cuda
