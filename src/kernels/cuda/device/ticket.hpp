#pragma once

#include "simt.hpp"

namespace tunescope {

/// Whether this is the last of `count` blocks that call this with the same ticket: it alone sees what all of them have
/// written before. All threads of a block must call it. The ticket is 0 before, and again after the last call.
inline __device__ bool is_last_block(unsigned* ticket, unsigned count) {
  SHARED_ARRAY(bool, is_last, 1);
  __syncthreads();
  if (threadIdx.x == 0 && threadIdx.y == 0) {
    __threadfence();  // what the block has written comes before its ticket
    is_last[0] = atomicAdd(ticket, 1U) + 1 == count;
    if (is_last[0]) *ticket = 0;
    __threadfence();  // what the others have written is read after theirs
  }
  __syncthreads();
  return is_last[0];
}

/// The same for the warps that take a ticket, of any blocks. All lanes of a warp must call it.
inline __device__ bool is_last_warp(unsigned* ticket, unsigned count) {
  bool is_last = false;
  __syncwarp();
  if (threadIdx.x % kWarp == 0) {
    __threadfence();
    is_last = atomicAdd(ticket, 1U) + 1 == count;
    if (is_last) *ticket = 0;
    __threadfence();
  }
  __syncwarp();
  return __shfl_sync(kAllLanes, is_last ? 1U : 0U, 0) != 0;
}

}  // namespace tunescope
