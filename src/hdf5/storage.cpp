#include "storage.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "check.hpp"

namespace tunescope::hdf5 {

hsize_t element_count(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), hsize_t{1}, std::multiplies<>());
}

Shape chunk_shape(const Shape& shape) {
  constexpr hsize_t kChunkElements = 1 << 16;
  Shape chunk = shape;
  const hsize_t row = element_count(shape) / std::max<hsize_t>(shape.front(), 1);
  chunk.front() =
      std::clamp<hsize_t>(kChunkElements / std::max<hsize_t>(row, 1), 1, std::max<hsize_t>(shape.front(), 1));
  return chunk;
}

Handle dataspace(const Shape& shape) {
  return {check(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), "dataspace"), H5Sclose};
}

}  // namespace tunescope::hdf5
