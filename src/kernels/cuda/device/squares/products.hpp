#pragma once

#include "squared_sums.hpp"

namespace tunescope {

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
    const TilesOfLayer own(layers, kTile);
    layer_ = own.layer;
    first_out_ = own.first_output;
    gradients_.data += own.first_column;
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

}  // namespace tunescope
