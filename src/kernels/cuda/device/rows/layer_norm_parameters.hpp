#pragma once

#include "../ticket.hpp"
#include "row_models.hpp"

namespace tunescope {

// The gradients of LayerNorm's parameters are sums over rows: of dy x̂ and of dy. A block sums a chunk of a model's rows
// for a tile of columns. The last block of a tile then adds the sums of all chunks in their order, so the result has
// the same bits whichever block is last.

inline constexpr int kColumnsPerBlock = 128;
inline constexpr int kRowsAtOnce = 8;  ///< of a block, one for each warp
inline constexpr unsigned kParameterThreads = kRowsAtOnce * kWarp;

/// The rows of a model, and where its gradients go.
struct ModelParameterGradients {
  std::int64_t first_row = 0;
  std::int64_t end_row = 0;
  unsigned first_chunk = 0;
  unsigned chunks = 0;
  float* gradients[2] = {};  // of the weight and of the bias; null if it is not wanted
  bool is_added[2] = {};
};

struct ParameterGradientsTask {
  const float* output_gradient = nullptr;
  const float* input = nullptr;
  const float* mean = nullptr;
  const float* rstd = nullptr;
  std::int64_t width = 0;
  std::int64_t rows_per_chunk = 0;
  float* sums_of_chunks = nullptr;  // [chunks, 2, width]
  unsigned* tickets = nullptr;      // [models, tiles of columns]
  unsigned model_count = 0;
  ModelParameterGradients models[kModelsPerLaunch] = {};
};

/// The columns of a thread: four of the tile of its block. If `kIsTiled`, the width is a multiple of the tile's and
/// rows are aligned.
template <bool kIsTiled>
class FourColumns {
 public:
  __device__ explicit FourColumns(std::int64_t width) : width_(width) {}

  /// Within the tile.
  static __device__ int place(int i) {
    const auto lane = static_cast<int>(threadIdx.x % kWarp);
    return kIsTiled ? 4 * lane + i : static_cast<int>(kWarp) * i + lane;
  }
  __device__ __forceinline__ void load(const float* row, float (&numbers)[4]) const {
    const std::int64_t first = std::int64_t{blockIdx.y} * kColumnsPerBlock;
    if constexpr (kIsTiled) {
      const float4 four = *reinterpret_cast<const float4*>(row + first + place(0));
      numbers[0] = four.x;
      numbers[1] = four.y;
      numbers[2] = four.z;
      numbers[3] = four.w;
    } else {
      for (int i = 0; i < 4; ++i) numbers[i] = first + place(i) < width_ ? row[first + place(i)] : 0.0F;
    }
  }

 private:
  std::int64_t width_;
};

/// Adds the sums of the block's warps, in their order. Thread t gets that of kind t / 128 and of column t % 128.
template <bool kIsTiled>
__device__ __forceinline__ float add_over_warps(const float (&sums)[2][4]) {
  static_assert(kParameterThreads == 2 * kColumnsPerBlock);
  SHARED_ARRAY(float, of_warps, kRowsAtOnce * 2 * kColumnsPerBlock);
  const int warp = static_cast<int>(threadIdx.x / kWarp);
  for (int kind = 0; kind < 2; ++kind) {
    for (int i = 0; i < 4; ++i) {
      of_warps[(2 * warp + kind) * kColumnsPerBlock + FourColumns<kIsTiled>::place(i)] = sums[kind][i];
    }
  }
  __syncthreads();
  float sum = 0.0F;
  for (int of = 0; of < kRowsAtOnce; ++of) sum += of_warps[of * 2 * kColumnsPerBlock + static_cast<int>(threadIdx.x)];
  return sum;
}

/// The grid has a column of blocks for each chunk of rows, and a row of them for each tile of columns.
template <bool kIsTiled>
__global__ void __launch_bounds__(kParameterThreads) sum_parameter_gradients(ParameterGradientsTask task) {
  unsigned number = 0;
  while (number + 1 < task.model_count && blockIdx.x >= task.models[number + 1].first_chunk) ++number;
  const ModelParameterGradients& model = task.models[number];
  const FourColumns<kIsTiled> columns(task.width);
  const unsigned warp = threadIdx.x / kWarp;
  const std::int64_t first = model.first_row + (blockIdx.x - model.first_chunk) * task.rows_per_chunk;
  const std::int64_t end = first + task.rows_per_chunk < model.end_row ? first + task.rows_per_chunk : model.end_row;
  float sums[2][4] = {};
  for (std::int64_t row = first + warp; row < end; row += kRowsAtOnce) {
    float gradient[4];
    float input[4];
    columns.load(task.output_gradient + row * task.width, gradient);
    columns.load(task.input + row * task.width, input);
    const float mean = task.mean[row];
    const float rstd = task.rstd[row];
    for (int i = 0; i < 4; ++i) {
      sums[0][i] += gradient[i] * ((input[i] - mean) * rstd);
      sums[1][i] += gradient[i];
    }
  }
  float sum = add_over_warps<kIsTiled>(sums);

  const unsigned kind = threadIdx.x / kColumnsPerBlock;
  const std::int64_t column = std::int64_t{blockIdx.y} * kColumnsPerBlock + threadIdx.x % kColumnsPerBlock;
  if (model.chunks > 1) {
    if (column < task.width) task.sums_of_chunks[(2 * blockIdx.x + kind) * task.width + column] = sum;
    if (!is_last_block(task.tickets + number * gridDim.y + blockIdx.y, model.chunks)) return;
    float totals[2][4] = {};
    for (unsigned chunk = warp; chunk < model.chunks; chunk += kRowsAtOnce) {
      const float* const of_chunk = task.sums_of_chunks + 2 * (model.first_chunk + chunk) * task.width;
      float of_weight[4];
      float of_bias[4];
      columns.load(of_chunk, of_weight);
      columns.load(of_chunk + task.width, of_bias);
      for (int i = 0; i < 4; ++i) {
        totals[0][i] += of_weight[i];
        totals[1][i] += of_bias[i];
      }
    }
    sum = add_over_warps<kIsTiled>(totals);
  }
  float* const gradient = model.gradients[kind];
  if (gradient == nullptr || column >= task.width) return;
  gradient[column] = model.is_added[kind] ? gradient[column] + sum : sum;
}

}  // namespace tunescope
