#pragma once

#include "simt.hpp"

namespace tunescope {

/// Combines the numbers that the threads of a block bring, always in the same order; thread 0 then has the results.
/// `Combine::combined(n, a, b)` combines two of the n-th numbers. All threads must call it, once in a kernel.
template <typename Combine, unsigned kThreads, int kNumbers>
__device__ void combine_over_block(double (&numbers)[kNumbers]) {
  static_assert(kThreads % kWarp == 0);
  SHARED_ARRAY(double, of_warps, kThreads / kWarp * kNumbers);
  for (unsigned lanes = kWarp / 2; lanes > 0; lanes /= 2) {
    for (int n = 0; n < kNumbers; ++n) {
      numbers[n] = Combine::combined(n, numbers[n], __shfl_down_sync(kAllLanes, numbers[n], lanes));
    }
  }
  if (threadIdx.x % kWarp == 0) {
    for (int n = 0; n < kNumbers; ++n) of_warps[threadIdx.x / kWarp * kNumbers + n] = numbers[n];
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (unsigned warp = 1; warp < kThreads / kWarp; ++warp) {
    for (int n = 0; n < kNumbers; ++n) {
      numbers[n] = Combine::combined(n, numbers[n], of_warps[warp * kNumbers + n]);
    }
  }
}

}  // namespace tunescope
