#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>
#include <vector>

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

// What the models have for some columns of a wider tensor; null: nothing.
struct ColumnVectors {
  ByModel<const float*> of_models;
  int first_column;
  int width;
  bool are_aligned;
};
constexpr std::size_t kPartsPerLaunch = 4;
struct VectorsOfLaunch {
  ColumnVectors of[kPartsPerLaunch];
};

constexpr int kVectors = 4;  // of a thread

// A warp computes kVectors vectors in each of its lanes of one row: those of the row's model, or their product with the
// input. blockIdx.y is the number of this part of the row, blockIdx.z that of the columns.
template <int kCount, bool kMultiplies>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp)
    apply_vectors(DeviceRows rows, VectorsOfLaunch columns, const float* input, float* output, std::int64_t row_width) {
  const std::int64_t row = rows.first_row + std::int64_t{blockIdx.x} * kRowsPerBlock + threadIdx.y;
  if (row >= rows.end_row) return;
  const ColumnVectors& own = columns.of[blockIdx.z];
  const float* const vector = own.of_models.of[rows.model_of(row)];
  if (vector == nullptr && input == output) return;
  const std::int64_t offset = row * row_width + own.first_column;
  const int first = static_cast<int>((blockIdx.y * kVectors * kWarp + threadIdx.x) * kCount);
  for (int i = 0; i < kVectors; ++i) {
    const int column = first + i * static_cast<int>(kWarp) * kCount;
    if (column >= own.width) return;
    Vector<float, kCount> numbers;
    if constexpr (kMultiplies) {
      numbers = load<kCount>(input + offset + column);
      if (vector != nullptr) multiply(numbers, load<kCount>(vector + column, own.are_aligned));
    } else {
      numbers = load<kCount>(vector + column, own.are_aligned);
    }
    store(output + offset + column, numbers);
  }
}

// Of all columns, which lie side by side. `input` is null if the vectors alone are written.
template <bool kMultiplies>
void launch_vectors(const float* input, std::span<const ScaledColumns> columns, const RowLayout& rows,
                    const at::Tensor& output) {
  const c10::DeviceGuard guard(output.device());
  float* const numbers = output.mutable_data_ptr<float>();
  const bool in_fours = take_fours(output.size(1), numbers, input) &&
                        std::ranges::all_of(columns, [](const ScaledColumns& own) { return own.width % 4 == 0; });
  std::int64_t first_column = 0;
  for (std::size_t first = 0; first < columns.size(); first += kPartsPerLaunch) {
    const auto parts = columns.subspan(first, std::min(kPartsPerLaunch, columns.size() - first));
    std::int64_t next_column = first_column;
    for_each_launch(rows, [&](const LaunchModels& models, const DeviceRows& of_launch) {
      VectorsOfLaunch arguments = {};
      std::int64_t widest = 0;
      next_column = first_column;
      for (std::size_t i = 0; i < parts.size(); ++i) {
        const PerModelTensors& vectors = parts[i].vectors;
        arguments.of[i] = {models.table([&](std::size_t model) -> const float* {
                             return vectors[model].defined() ? vectors[model].const_data_ptr<float>() : nullptr;
                           }),
                           static_cast<int>(next_column), static_cast<int>(parts[i].width), are_aligned(vectors)};
        next_column += parts[i].width;
        widest = std::max(widest, parts[i].width);
      }
      const unsigned row_parts = blocks_for(widest, kVectors * kWarp * (in_fours ? 4 : 1));
      if (row_parts == 0) return;
      launch(in_fours ? apply_vectors<4, kMultiplies> : apply_vectors<1, kMultiplies>,
             {{blocks_for(of_launch.end_row - of_launch.first_row, kRowsPerBlock), row_parts,
               static_cast<unsigned>(parts.size())},
              {kWarp, kRowsPerBlock}},
             of_launch, arguments, input, numbers, output.size(1));
    });
    first_column = next_column;
  }
}

void launch_fill(const at::Tensor& output, std::span<const PerModelTensors> biases, const RowLayout& rows) {
  std::vector<ScaledColumns> columns;
  for (const PerModelTensors& bias : biases) columns.push_back({bias.front().numel(), bias});
  launch_vectors<false>(nullptr, columns, rows, output);
}

void launch_multiply(const at::Tensor& input, std::span<const ScaledColumns> columns, const RowLayout& rows,
                     const at::Tensor& output) {
  launch_vectors<true>(input.const_data_ptr<float>(), columns, rows, output);
}

constexpr int kRowsPerWarp = 8;
constexpr int kRowsPerChunk = kSummingWarps * kRowsPerWarp;

// The rows of one vector's gradient, and where their column sums go.
struct SummedRows {
  const float* output_gradient;
  const float* input;  // null: the vector was added
  std::int64_t gradient_stride;
  std::int64_t input_stride;
  std::int64_t rows;
  int width;
  float* target;
  bool accumulate;

  // One, of no rows, if there are none.
  __device__ __host__ std::int64_t chunks() const {
    return rows <= kRowsPerChunk ? 1 : (rows + kRowsPerChunk - 1) / kRowsPerChunk;
  }
};

// A block sums a chunk of a gradient's rows for some columns: blockIdx.x is the number of the columns, blockIdx.y that
// of the chunk, blockIdx.z that of the gradient. The block of a gradient and columns that ends last adds up the chunks.
template <int kCount>
__global__ void __launch_bounds__(kSummingThreads)
    sum_columns(ByModel<SummedRows> gradients, int widest, float* partials, unsigned* tickets) {
  using Numbers = Vector<float, kCount>;
  SHARED_ARRAY(Numbers, shared, kSummingThreads);
  const SummedRows& own = gradients.of[blockIdx.z];
  const std::int64_t chunks = own.chunks();
  const int first_column = static_cast<int>(blockIdx.x) * kColumnsPerWarp<kCount>;
  if (first_column >= own.width || blockIdx.y >= chunks) return;
  const int column = first_column + static_cast<int>(threadIdx.x) * kCount;
  const int thread = static_cast<int>(threadIdx.y * kWarp + threadIdx.x);
  const bool has_sum = thread < kColumnsPerWarp<kCount> && first_column + thread < own.width;

  Numbers loaded[kRowsPerWarp] = {};
  for (int i = 0; i < kRowsPerWarp; ++i) {
    const std::int64_t row = std::int64_t{blockIdx.y} * kRowsPerChunk + i * kSummingWarps + threadIdx.y;
    if (row >= own.rows || column >= own.width) continue;
    loaded[i] = load<kCount>(own.output_gradient + row * own.gradient_stride + column);
    if (own.input != nullptr) multiply(loaded[i], load<kCount>(own.input + row * own.input_stride + column));
  }
  Numbers sums = {};
  for (int i = 0; i < kRowsPerWarp; ++i) add(sums, loaded[i]);
  float sum = sum_over_warps(shared, sums);

  if (chunks > 1) {
    float* const of_gradient = partials + std::int64_t{blockIdx.z} * gridDim.y * widest;
    if (has_sum) of_gradient[std::int64_t{blockIdx.y} * widest + first_column + thread] = sum;
    unsigned* const ticket = tickets + blockIdx.z * gridDim.x + blockIdx.x;
    if (!is_last_block(ticket, static_cast<unsigned>(chunks))) return;
    Numbers of_chunks = {};
    for (std::int64_t chunk = threadIdx.y; chunk < chunks; chunk += kSummingWarps) {
      if (column < own.width) add(of_chunks, load<kCount>(of_gradient + chunk * widest + column));
    }
    sum = sum_over_warps(shared, of_chunks);
  }
  if (has_sum) {
    float& target = own.target[first_column + thread];
    target = own.accumulate ? target + sum : sum;
  }
}

SummedRows summed_rows(const VectorGradient& gradient) {
  const auto& [output_gradient, input, target] = gradient;
  return {output_gradient.const_data_ptr<float>(),
          input.defined() ? input.const_data_ptr<float>() : nullptr,
          output_gradient.stride(0),
          input.defined() ? input.stride(0) : 0,
          output_gradient.size(0),
          static_cast<int>(output_gradient.size(1)),
          target.gradient.mutable_data_ptr<float>(),
          target.accumulate == Accumulate::kYes};
}

bool take_fours_of(const VectorGradient& gradient) {
  const SummedRows rows = summed_rows(gradient);
  return take_fours(rows.width, rows.output_gradient, rows.input) && rows.gradient_stride % 4 == 0 &&
         rows.input_stride % 4 == 0;
}

void launch_vector_gradients(std::span<const VectorGradient> gradients) {
  const at::Tensor& first = gradients.front().output_gradient;
  const c10::DeviceGuard guard(first.device());
  const bool in_fours = std::ranges::all_of(gradients, take_fours_of);
  for_each_launch(gradients.size(), [&](const LaunchModels& of_launch) {
    std::int64_t most_chunks = 0;
    std::int64_t widest = 0;
    const auto on_device = of_launch.table([&](std::size_t number) {
      const SummedRows own = summed_rows(gradients[number]);
      most_chunks = std::max(most_chunks, own.chunks());
      widest = std::max<std::int64_t>(widest, own.width);
      return own;
    });
    if (widest == 0) return;
    const auto count = static_cast<std::int64_t>(of_launch.count);
    const unsigned column_blocks = blocks_for(widest, kWarp * (in_fours ? 4 : 1));
    const at::Tensor partials = at::empty({most_chunks > 1 ? count * most_chunks * widest : 0}, first.options());
    launch(in_fours ? sum_columns<4> : sum_columns<1>,
           {{column_blocks, static_cast<unsigned>(most_chunks), static_cast<unsigned>(of_launch.count)},
            {kWarp, kSummingWarps}},
           on_device, static_cast<int>(widest), partials.mutable_data_ptr<float>(),
           tickets(first.device(), count * column_blocks));
  });
}

}  // namespace

FillWithBias* const fill_with_bias = launch_fill;
MultiplyRows* const multiply_rows = launch_multiply;
VectorGradients* const vector_gradients = launch_vector_gradients;

}  // namespace tunescope::cuda
