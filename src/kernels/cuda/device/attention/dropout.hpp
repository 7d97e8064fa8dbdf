#pragma once

#include "tiles.hpp"

namespace tunescope {

/// The dropout of a warp's 16 rows of probabilities. The rows of a head follow each other in the numbering of elements,
/// and a block of random words serves eight elements of it, which no lane has all of. So the warp computes each block
/// once, and keeps in a byte of shared memory which of the eight are kept.
template <typename Tiles>
class WarpDropout {
 public:
  /// Up to so many tokens, whole rows are drawn even where a part of each is needed.
  static constexpr int kWholeRows = 256;
  /// Bytes of a warp for whole rows of so many tokens.
  static constexpr int bytes_of_rows(int tokens) { return 2 * tokens + 2 * static_cast<int>(kDropoutLanes); }

  __device__ WarpDropout(const DeviceAttention& a, const AttentionPlace<Tiles>& place, float* shared, int bytes_of_warp)
      : is_on_(a.dropout.threshold != 0), place_(place), mask_(a.dropout, place.sequence) {
    bytes_ = reinterpret_cast<std::uint8_t*>(shared) + threadIdx.x / kWarp * static_cast<unsigned>(bytes_of_warp);
  }

  /// Draws for the warp's part of the tile that begins with `first_query`, and all keys.
  __device__ void draw_rows(int first_query) {
    if (!is_on_) return;
    is_whole_ = true;
    first_query_ = first_query;
    draw(0, element_of(0, 0), Tiles::kRowsOfWarp * place_.tokens);
    __syncwarp();
  }

  /// The same for a tile of keys.
  __device__ void draw_keys(int first_query, int first_key) {
    if (place_.tokens <= kWholeRows) return draw_rows(first_query);
    if (!is_on_) return;
    first_query_ = first_query;
    for (int row = 0; row < Tiles::kRowsOfWarp; ++row) {
      draw(row * kBytesOfPart, element_of(row, first_key), Tiles::kTile);
    }
    __syncwarp();
  }

  /// Bit 8 i + j tells of row i of the lane and key 8 j, after its own first one, of a tile of keys, whether it is
  /// kept.
  __device__ std::uint32_t kept(int first_key, int key_count) const {
    if (!is_on_) return ~0U;
    std::uint32_t kept = 0;
    const int first = static_cast<int>(element_of(0, 0) % kDropoutTile);
    KEEP_LOOP
    for (int i = 0; i < Tiles::kRows; ++i) {
      const int row = place_.row + 4 * i;
      const int begin = is_whole_
                            ? first + row * place_.tokens + first_key
                            : 8 * kBytesOfPart * row + static_cast<int>(element_of(row, first_key) % kDropoutTile);
      for (int j = 0; j < Tiles::kKeys; ++j) {
        const int key = place_.column + 8 * j;
        if (key >= key_count) continue;
        const auto place = static_cast<unsigned>(begin + key);
        const unsigned byte = bytes_[place / kDropoutTile * kDropoutLanes + place % kDropoutLanes];
        kept |= (byte >> place % kDropoutTile / kDropoutLanes & 1U) << (8 * i + j);
      }
    }
    return kept;
  }

 private:
  // Of a part of a row, which is no longer than 128 elements and so lies in two tiles at most.
  static constexpr int kBytesOfPart = 2 * static_cast<int>(kDropoutLanes);

  __device__ std::int64_t element_of(int row, int key) const {
    return place_.first_element(first_query_ + place_.first_of_warp + row) + key;
  }

  __device__ void draw(int at, std::int64_t first_element, int count) {
    const std::int64_t first_tile = first_element / kDropoutTile;
    const std::int64_t tiles = (first_element + count - 1) / kDropoutTile - first_tile + 1;
    const int blocks = static_cast<int>(tiles * kDropoutLanes);
    for (int block = static_cast<int>(threadIdx.x % kWarp); block < blocks; block += static_cast<int>(kWarp)) {
      bytes_[at + block] = static_cast<std::uint8_t>(
          mask_.kept_of_block(static_cast<std::uint64_t>(first_tile * kDropoutLanes + block)));
    }
  }

  bool is_on_;
  bool is_whole_ = false;
  int first_query_ = 0;
  const AttentionPlace<Tiles>& place_;
  DropoutMask mask_;
  std::uint8_t* bytes_;
};

}  // namespace tunescope
