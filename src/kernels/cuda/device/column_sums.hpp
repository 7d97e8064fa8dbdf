#pragma once

#include "vector.hpp"

namespace tunescope {

inline constexpr int kSummingWarps = 8;  ///< of a block that sums columns
inline constexpr int kSummingThreads = kSummingWarps * static_cast<int>(kWarp);

/// Of kCount columns for each lane of a warp.
template <int kCount>
inline constexpr int kColumnsPerWarp = static_cast<int>(kWarp) * kCount;

/// Adds up what the warps of a block have for the same columns, in the order of the warps. Thread t gets the sum of
/// column t, if there are so many. `shared` has a vector for each thread. All threads of the block must call it.
template <int kCount>
__device__ float sum_over_warps(Vector<float, kCount>* shared, const Vector<float, kCount>& own) {
  const unsigned thread = threadIdx.y * kWarp + threadIdx.x;
  __syncthreads();  // an earlier sum has been read
  shared[thread] = own;
  __syncthreads();
  if (thread >= kColumnsPerWarp<kCount>) return 0.0F;
  float sum = 0.0F;
  for (int warp = 0; warp < kSummingWarps; ++warp) {
    sum += shared[warp * static_cast<int>(kWarp) + thread / kCount].at[thread % kCount];
  }
  return sum;
}

}  // namespace tunescope
