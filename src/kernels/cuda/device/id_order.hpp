#pragma once

#include "simt.hpp"
#include "vector.hpp"

namespace tunescope {

/// See `IdOrder`.
struct DeviceIdOrder {
  const std::int64_t* rows = nullptr;
  const std::int64_t* offsets = nullptr;
  const std::int64_t* ids = nullptr;
  const std::int64_t* groups = nullptr;
  const std::int64_t* id_offsets = nullptr;
  const std::int64_t* piece_offsets = nullptr;
  const std::int64_t* piece_segments = nullptr;
  std::int64_t pieces = 0;
};

inline constexpr int kRowsInFlight = 8;  // so that a warp waits for so many loads at once

/// The sum of the rows whose numbers are at `first` ... `end`, for the columns of this lane of a warp, `column` and the
/// following. All lanes must call it with the same rows.
template <int kCount>
__device__ Vector<float, kCount> sum_rows(const float* numbers, int width, int column, const std::int64_t* first,
                                          const std::int64_t* end) {
  Vector<float, kCount> sums = {};
  for (; first < end; first += kWarp) {
    const auto count = static_cast<int>(end - first < kWarp ? end - first : kWarp);
    const int own_row = static_cast<int>(threadIdx.x) < count ? static_cast<int>(first[threadIdx.x]) : 0;
    for (int begin = 0; begin < count; begin += kRowsInFlight) {
      Vector<float, kCount> loaded[kRowsInFlight] = {};
      for (int i = 0; i < kRowsInFlight; ++i) {
        const std::int64_t row = __shfl_sync(kAllLanes, own_row, begin + i);
        if (begin + i < count && column < width) loaded[i] = load<kCount>(numbers + row * width + column);
      }
      for (int i = 0; i < kRowsInFlight; ++i) add(sums, loaded[i]);
    }
  }
  return sums;
}

}  // namespace tunescope
