#pragma once

#include "simt.hpp"

namespace tunescope {

/// Several arrays that one launch goes through in chunks of `kChunk` numbers, a block for each chunk. It is an argument
/// of the kernel, so nothing is uploaded; CUDA allows 4 kB of arguments, hence `kMost`. `Array` has a `count`.
template <typename Array, int kMost, std::int64_t kChunk>
struct Segments {
  Array arrays[kMost] = {};
  std::uint32_t first_chunks[kMost + 1] = {};  ///< of each array, and the number of all chunks
  int count = 0;

  /// An array without numbers has a chunk too.
  void add(const Array& array) {
    const std::int64_t chunks = array.count <= kChunk ? 1 : (array.count + kChunk - 1) / kChunk;
    arrays[count] = array;
    first_chunks[count + 1] = first_chunks[count] + static_cast<std::uint32_t>(chunks);
    ++count;
  }

  /// Which array a chunk belongs to.
  __device__ int owner(std::uint32_t chunk) const {
    int low = 0;
    int high = count;
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      if (first_chunks[middle] <= chunk) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }
};

}  // namespace tunescope
