#pragma once

#include "simt.hpp"

namespace tunescope {

/// Whether this is the last of `count` blocks that call this with the same ticket: it alone sees what all of them have
/// written before. All threads of a block must call it. The ticket is 0 before, and again after the last call.
inline __device__ bool is_last_block(unsigned* ticket, unsigned count) {
  SHARED_ARRAY(bool, is_last, 1);
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();  // what the block has written comes before its ticket
    is_last[0] = atomicAdd(ticket, 1U) + 1 == count;
    if (is_last[0]) *ticket = 0;
    __threadfence();  // what the others have written is read after theirs
  }
  __syncthreads();
  return is_last[0];
}

}  // namespace tunescope
