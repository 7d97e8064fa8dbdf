#pragma once

#include "id_order.hpp"
#include "simt.hpp"

namespace tunescope {

/// See `RowGroups`.
struct DeviceRowGroups {
  const std::int64_t* sequence_offsets = nullptr;
  std::int64_t sequences = 0;  ///< in all
  std::int64_t sequences_of_a_group = 1;
  std::int64_t count = 0;

  __device__ std::int64_t begin(std::int64_t group) const {
    const std::int64_t first = group * sequences_of_a_group;
    return sequence_offsets[first < sequences ? first : sequences];
  }
};

/// One of the layers whose outputs lie side by side, see `SquaredSums`.
struct DeviceSquaredSums {
  double* weight = nullptr;
  double* bias = nullptr;
  std::int64_t outputs = 0;
};
inline constexpr int kMaxSquaredLayers = 4;
struct DeviceSquaredLayers {
  DeviceSquaredSums at[kMaxSquaredLayers];
};

/// Rows of numbers, `stride` apart.
struct MatrixRows {
  const float* data = nullptr;
  std::int64_t stride = 0;
};

// A block owns a tile of the gradient of a weight, and each of its 256 threads a square of that tile. For one group
// after another it sums the outer products of the rows' output gradients and inputs in registers, and adds the squares
// of the sums to others, in registers too. Only at the end do they go to memory, to numbers of which no other block has
// any: so nothing is stored but the sums, and their order is always the same. The blocks of the first inputs also sum
// the output gradients themselves, for the bias.
inline constexpr int kSquaresThreads = 256;
inline constexpr int kSquaresSide = 16;  // threads along each side of the tile
inline constexpr int kSquaresDepth = 8;  // rows in shared memory at a time: one for each warp

/// `kOwn` x `kOwn` numbers for each thread, 4 or 8; the tile has 16 times as many along each side. The grid is tiles of
/// inputs by tiles of outputs, of which none belongs to two layers.
template <int kOwn>
class SquaresTile {
 public:
  static constexpr int kTile = kSquaresSide * kOwn;

  __device__ SquaresTile(const DeviceSquaredLayers& layers, const MatrixRows& gradients, const MatrixRows& inputs,
                         std::int64_t in, const DeviceRowGroups& groups)
      : groups_(groups), gradients_(gradients), inputs_(inputs), in_(in), first_in_(std::int64_t{blockIdx.x} * kTile) {
    std::int64_t tile = blockIdx.y;
    std::int64_t first_column = 0;
    bool is_found = false;
    UNROLL
    for (int layer = 0; layer < kMaxSquaredLayers; ++layer) {
      const std::int64_t tiles = (layers.at[layer].outputs + kTile - 1) / kTile;
      if (is_found) continue;
      is_found = tile < tiles;
      if (is_found) {
        layer_ = layers.at[layer];
      } else {
        tile -= tiles;
        first_column += layers.at[layer].outputs;
      }
    }
    first_out_ = tile * kTile;
    gradients_.data += first_column;
    if (blockIdx.x > 0) layer_.bias = nullptr;
  }

  __device__ void run() {
    if (layer_.weight == nullptr && layer_.bias == nullptr) return;
    SHARED_ARRAY(float, gradients, kSquaresDepth* kTile);
    SHARED_ARRAY(float, inputs, kSquaresDepth* kTile);
    std::int64_t group = 0;
    std::int64_t row = 0;
    std::int64_t end = groups_.begin(1);
    fetch(row, end);
    while (group < groups_.count) {
      __syncthreads();  // the rows before are done with
      for (int i = 0; i < kFetched; ++i) {
        gradients[warp() * kTile + lane() + 32 * i] = fetched_gradients_[i];
        inputs[warp() * kTile + lane() + 32 * i] = fetched_inputs_[i];
      }
      __syncthreads();
      const int rows = static_cast<int>(end - row < kSquaresDepth ? end - row : kSquaresDepth);
      row += rows;
      const bool group_ends = row == end;
      if (group_ends && ++group < groups_.count) end = groups_.begin(group + 1);
      fetch(row, end);
      if (layer_.weight != nullptr) add_products(gradients, inputs, rows);
      if (layer_.bias != nullptr && threadIdx.x < kTile) {
        for (int t = 0; t < rows; ++t) bias_sum_ += gradients[t * kTile + threadIdx.x];
      }
      if (group_ends) square();
    }
    store();
  }

 private:
  static constexpr int kFetched = kTile / 32;

  static __device__ int warp() { return static_cast<int>(threadIdx.x / kWarp); }
  static __device__ int lane() { return static_cast<int>(threadIdx.x % kWarp); }
  // The numbers of a thread are in runs of four, which are one access to shared memory.
  static __device__ int place(int side, int number) { return number / 4 * (kTile * 4 / kOwn) + side * 4 + number % 4; }
  static __device__ int out_side() { return static_cast<int>(threadIdx.x / kSquaresSide); }
  static __device__ int in_side() { return static_cast<int>(threadIdx.x % kSquaresSide); }

  // Each warp takes one row of the next ones to registers; zero where there is none.
  __device__ void fetch(std::int64_t row, std::int64_t end) {
    const std::int64_t own = row + warp();
    for (int i = 0; i < kFetched; ++i) {
      const std::int64_t out = first_out_ + lane() + 32 * i;
      const std::int64_t in = first_in_ + lane() + 32 * i;
      const bool has_row = own < end;
      fetched_gradients_[i] = has_row && out < layer_.outputs ? gradients_.data[own * gradients_.stride + out] : 0.0F;
      const bool has_input = has_row && layer_.weight != nullptr && in < in_;
      fetched_inputs_[i] = has_input ? inputs_.data[own * inputs_.stride + in] : 0.0F;
    }
  }

  __device__ void add_products(const float* gradients, const float* inputs, int rows) {
    for (int t = 0; t < rows; ++t) {
      float gradient[kOwn];
      float input[kOwn];
      UNROLL
      for (int i = 0; i < kOwn; ++i) gradient[i] = gradients[t * kTile + place(out_side(), i)];
      UNROLL
      for (int j = 0; j < kOwn; ++j) input[j] = inputs[t * kTile + place(in_side(), j)];
      UNROLL
      for (int i = 0; i < kOwn; ++i) {
        UNROLL
        for (int j = 0; j < kOwn; ++j) sums_[i][j] += gradient[i] * input[j];
      }
    }
  }

  __device__ void square() {
    UNROLL
    for (int i = 0; i < kOwn; ++i) {
      UNROLL
      for (int j = 0; j < kOwn; ++j) {
        squares_[i][j] += sums_[i][j] * sums_[i][j];
        sums_[i][j] = 0.0F;
      }
    }
    bias_squares_ += static_cast<double>(bias_sum_) * static_cast<double>(bias_sum_);
    bias_sum_ = 0.0F;
  }

  __device__ void store() {
    if (layer_.weight != nullptr) {
      UNROLL
      for (int i = 0; i < kOwn; ++i) {
        const std::int64_t out = first_out_ + place(out_side(), i);
        UNROLL
        for (int j = 0; j < kOwn; ++j) {
          const std::int64_t in = first_in_ + place(in_side(), j);
          if (out < layer_.outputs && in < in_) layer_.weight[out * in_ + in] += static_cast<double>(squares_[i][j]);
        }
      }
    }
    const std::int64_t out = first_out_ + threadIdx.x;
    if (layer_.bias != nullptr && threadIdx.x < kTile && out < layer_.outputs) layer_.bias[out] += bias_squares_;
  }

  const DeviceRowGroups& groups_;
  DeviceSquaredSums layer_;
  MatrixRows gradients_, inputs_;
  std::int64_t in_;
  std::int64_t first_in_;
  std::int64_t first_out_ = 0;
  float fetched_gradients_[kFetched];
  float fetched_inputs_[kFetched];
  float sums_[kOwn][kOwn] = {};
  float squares_[kOwn][kOwn] = {};
  float bias_sum_ = 0.0F;
  double bias_squares_ = 0.0;
};

template <int kOwn>
__global__ __launch_bounds__(kSquaresThreads) void add_squares_of_products(DeviceSquaredLayers layers,
                                                                           MatrixRows gradients, MatrixRows inputs,
                                                                           std::int64_t in, DeviceRowGroups groups) {
  SquaresTile<kOwn>(layers, gradients, inputs, in, groups).run();
}

/// What `LayerNormActivations` holds.
struct DeviceNormalizedRows {
  const float* input = nullptr;
  const float* mean = nullptr;
  const float* rstd = nullptr;
};

inline constexpr int kNormSquaresGroups = 16;  // that a block sums at the same time

/// A block owns 32 columns, and each of its warps every sixteenth group.
static __global__ __launch_bounds__(kWarp* kNormSquaresGroups) void add_squares_of_layer_norm(DeviceSquaredSums sums,
                                                                                              MatrixRows gradients,
                                                                                              DeviceNormalizedRows rows,
                                                                                              DeviceRowGroups groups) {
  SHARED_ARRAY(double, partial, 2 * kNormSquaresGroups * static_cast<int>(kWarp));
  const std::int64_t column = std::int64_t{blockIdx.x} * kWarp + threadIdx.x;
  double of_weight = 0.0;
  double of_bias = 0.0;
  for (std::int64_t group = threadIdx.y; column < sums.outputs && group < groups.count; group += kNormSquaresGroups) {
    float weight = 0.0F;
    float bias = 0.0F;
    const std::int64_t end = groups.begin(group + 1);
    for (std::int64_t row = groups.begin(group); row < end; ++row) {
      const float gradient = gradients.data[row * gradients.stride + column];
      weight += gradient * ((rows.input[row * sums.outputs + column] - rows.mean[row]) * rows.rstd[row]);
      bias += gradient;
    }
    of_weight += static_cast<double>(weight) * static_cast<double>(weight);
    of_bias += static_cast<double>(bias) * static_cast<double>(bias);
  }
  partial[threadIdx.y * kWarp + threadIdx.x] = of_weight;
  partial[(kNormSquaresGroups + threadIdx.y) * kWarp + threadIdx.x] = of_bias;
  __syncthreads();
  if (threadIdx.y > 1 || column >= sums.outputs) return;
  double* const target = threadIdx.y == 0 ? sums.weight : sums.bias;
  if (target == nullptr) return;
  double total = 0.0;
  for (int i = 0; i < kNormSquaresGroups; ++i) {
    total += partial[(threadIdx.y * kNormSquaresGroups + i) * kWarp + threadIdx.x];
  }
  target[column] += total;
}

inline constexpr int kSegmentsAtOnce = 8;  // of an id: a warp each

/// A block owns one id, blockIdx.x, and some columns, blockIdx.y. Each of its warps sums every eighth segment of the
/// id, which is a group, and adds up the squares.
template <int kCount>
__global__ __launch_bounds__(kWarp* kSegmentsAtOnce) void add_squares_of_scatters(double* sums, const float* numbers,
                                                                                  int width, DeviceIdOrder order) {
  using Squares = Vector<double, kCount>;
  SHARED_ARRAY(Squares, of_threads, kSegmentsAtOnce * static_cast<int>(kWarp));
  const int column = static_cast<int>(blockIdx.y * kWarp + threadIdx.x) * kCount;
  const std::int64_t first = order.id_offsets[blockIdx.x];
  const std::int64_t end = order.id_offsets[blockIdx.x + 1];
  Squares& squares = of_threads[threadIdx.y * kWarp + threadIdx.x];
  squares = {};
  for (std::int64_t segment = first + threadIdx.y; segment < end; segment += kSegmentsAtOnce) {
    const Vector<float, kCount> sum = sum_rows<kCount>(numbers, width, column, order.rows + order.offsets[segment],
                                                       order.rows + order.offsets[segment + 1]);
    for (int i = 0; i < kCount; ++i) squares.at[i] += static_cast<double>(sum.at[i]) * static_cast<double>(sum.at[i]);
  }
  __syncthreads();
  if (threadIdx.y > 0 || column >= width) return;
  for (unsigned warp = 1; warp < kSegmentsAtOnce; ++warp) {
    for (int i = 0; i < kCount; ++i) squares.at[i] += of_threads[warp * kWarp + threadIdx.x].at[i];
  }
  double* const target = sums + order.ids[first] * width + column;
  for (int i = 0; i < kCount; ++i) target[i] += squares.at[i];
}

}  // namespace tunescope
