#pragma once

#include "../id_order.hpp"
#include "../simt.hpp"

namespace tunescope {

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
