#pragma once

#include <c10/util/BFloat16.h>

#include "../dropout.hpp"

namespace tunescope {

inline constexpr int kTileWidth = 128;  ///< four numbers for each lane of a warp

/// How a row of numbers lies in the registers of the threads that share it, up to four times `kTiles` in each: of one
/// warp, or of `kWarps` warps of which each has a part of the row. If `kIsTiled`, the width is a multiple of
/// `kTileWidth` and rows are aligned, so a lane takes four neighbours at a time; if not, the lanes of a warp take
/// neighbours. Both are read as fast as memory allows. Numbers beyond the end of a row are 0 when read.
template <int kTiles, int kWarps, bool kIsTiled>
class RegisterRow {
 public:
  static constexpr int kCount = 4 * kTiles;
  static constexpr std::int64_t kWidest = kTileWidth * kTiles * kWarps;
  /// Small blocks, so that a few hundred rows occupy all multiprocessors.
  static constexpr unsigned kRowsPerBlock = kWarps == 1 ? 2 : 1;
  static constexpr unsigned kThreads = kWarp * kWarps * kRowsPerBlock;

  __device__ explicit RegisterRow(std::int64_t width)
      : width_(static_cast<int>(width)),
        lane_(static_cast<int>(threadIdx.x % kWarp)),
        first_(kWarps == 1 ? 0 : static_cast<int>(threadIdx.x / kWarp) * kTileWidth * kTiles) {}

  /// The number of the row within its launch.
  static __device__ std::int64_t index() {
    return std::int64_t{blockIdx.x} * kRowsPerBlock + (kWarps == 1 ? threadIdx.x / kWarp : 0);
  }
  /// Whether this thread is the one that writes what the whole row has one of.
  __device__ bool is_first_thread() const { return lane_ == 0 && first_ == 0; }

  __device__ float width() const { return static_cast<float>(width_); }
  /// The column of this thread's number i.
  __device__ int column(int i) const {
    return first_ + (kIsTiled ? i / 4 * kTileWidth + 4 * lane_ + i % 4 : i * static_cast<int>(kWarp) + lane_);
  }
  __device__ bool has(int i) const { return kIsTiled ? first_ + i / 4 * kTileWidth < width_ : column(i) < width_; }

  /// Reads a row that is aligned if `kIsTiled`.
  __device__ __forceinline__ void load(const float* row, float (&numbers)[kCount]) const {
    if constexpr (kIsTiled) {
      for (int i = 0; i < kCount; i += 4) {
        const float4 four = has(i) ? *reinterpret_cast<const float4*>(row + column(i)) : float4{0.0F, 0.0F, 0.0F, 0.0F};
        numbers[i] = four.x;
        numbers[i + 1] = four.y;
        numbers[i + 2] = four.z;
        numbers[i + 3] = four.w;
      }
    } else {
      load_one_by_one(row, numbers);
    }
  }
  /// Reads a row of a parameter. It may begin anywhere, for parameters lie in one flat buffer.
  __device__ __forceinline__ void load_parameter(const float* row, float (&numbers)[kCount]) const {
    if (kIsTiled && reinterpret_cast<std::uintptr_t>(row) % sizeof(float4) == 0) {
      load(row, numbers);
    } else {
      load_one_by_one(row, numbers);
    }
  }

  __device__ __forceinline__ void store(const float (&numbers)[kCount], float* row) const {
    if constexpr (kIsTiled) {
      for (int i = 0; i < kCount; i += 4) {
        if (!has(i)) continue;
        *reinterpret_cast<float4*>(row + column(i)) = {numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3]};
      }
    } else {
      for (int i = 0; i < kCount; ++i) {
        if (has(i)) row[column(i)] = numbers[i];
      }
    }
  }
  /// Rounded to bfloat16.
  __device__ __forceinline__ void store(const float (&numbers)[kCount], c10::BFloat16* row) const {
    if constexpr (kIsTiled) {
      struct alignas(8) Four {
        c10::BFloat16 x, y, z, w;
      };
      for (int i = 0; i < kCount; i += 4) {
        if (!has(i)) continue;
        *reinterpret_cast<Four*>(row + column(i)) = {numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3]};
      }
    } else {
      for (int i = 0; i < kCount; ++i) {
        if (has(i)) row[column(i)] = numbers[i];
      }
    }
  }

  /// Replaces each of a few sums over a thread's numbers by that over the row. All threads of the row must call it.
  template <int kSums>
  __device__ __forceinline__ void add_up(float (&sums)[kSums]) const {
    for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) {
      for (float& sum : sums) sum += __shfl_xor_sync(kAllLanes, sum, lanes);
    }
    if constexpr (kWarps > 1) {
      SHARED_ARRAY(float, of_warps, kSums* kWarps);
      __syncthreads();  // until the sums before these are read
      for (int s = 0; s < kSums; ++s) {
        if (lane_ == 0) of_warps[s * kWarps + static_cast<int>(threadIdx.x / kWarp)] = sums[s];
      }
      __syncthreads();
      for (int s = 0; s < kSums; ++s) {
        sums[s] = 0.0F;
        for (int warp = 0; warp < kWarps; ++warp) sums[s] += of_warps[s * kWarps + warp];
      }
    }
  }

  /// Multiplies the numbers with the dropout mask of the row, which begins at an element of its sequence.
  __device__ __forceinline__ void drop(const DeviceDropout& dropout, std::int64_t sequence, std::int64_t first_element,
                                       float (&numbers)[kCount]) const {
    if (dropout.threshold == 0) return;
    DropoutMask mask(dropout, sequence);
    if constexpr (kIsTiled) {
      drop_tiles(mask, first_element, dropout.scale, numbers);
    } else {
      for (int i = 0; i < kCount; ++i) {
        if (has(i)) numbers[i] *= mask.factor(first_element + column(i));
      }
    }
  }

 private:
  __device__ __forceinline__ void load_one_by_one(const float* row, float (&numbers)[kCount]) const {
    for (int i = 0; i < kCount; ++i) numbers[i] = has(i) ? row[column(i)] : 0.0F;
  }

  // A block of random words serves eight elements of a tile, each in another lane. So a warp computes every block once,
  // for two tiles at a time one in each lane, and the lanes exchange the bits that tell which elements are kept: lane l
  // reads bit l / 4 of the blocks of the four residues of its elements.
  __device__ __forceinline__ void drop_tiles(DropoutMask& mask, std::int64_t first_element, float scale,
                                             float (&numbers)[kCount]) const {
    static_assert(kTileWidth == kDropoutTile && kWarp == 2 * kDropoutLanes && kTiles <= 8);
    const std::int64_t first_block = (first_element + first_) / kDropoutTile * kDropoutLanes;
    std::uint32_t own = 0;
    for (int pair = 0; 2 * pair < kTiles; ++pair) {
      const std::int64_t block = first_block + pair * static_cast<int>(kWarp) + lane_;
      own |= mask.kept_of_block(static_cast<std::uint64_t>(block)) << (8 * pair);
    }
    for (int k = 0; k < 8; ++k) {
      const int owner = k / 4 * static_cast<int>(kDropoutLanes) + 4 * (lane_ % 4) + k % 4;
      const std::uint32_t kept = __shfl_sync(kAllLanes, own, owner) >> (lane_ / 4);
      for (int i = k; i < kCount; i += 8) numbers[i] *= (kept >> (i - k) & 1U) != 0 ? scale : 0.0F;
    }
  }

  int width_;
  int lane_;
  int first_;  // column of the warp
};

}  // namespace tunescope
