#pragma once

// What the kernels of attention are made of. A block works on one head of one sequence, on tiles of rows in shared
// memory. A warp has 16 rows of the block's tile: its lanes form 8 columns and 4 rows, and a lane has every fourth of
// the rows and every eighth row of the other operand, whose products it keeps in registers. Rows in shared memory lie
// four numbers further apart than they are wide, so that eight neighbouring rows, read four numbers at a time, are in
// different banks; rows of scores lie eight further apart, so that the warp's 32 scores are.

#include <c10/util/BFloat16.h>

#include "../dropout.hpp"
#include "../simt.hpp"

namespace tunescope {

/// Some columns of a matrix in global memory. The numbers of a row are contiguous.
template <typename Number>
struct StridedRows {
  Number* data = nullptr;  ///< null: not wanted
  std::int64_t stride = 0;

  __device__ Number* at(std::int64_t row, std::int64_t column) const { return data + row * stride + column; }
};

/// A result, and the same rounded to bfloat16 if that is wanted.
struct DeviceResult {
  StridedRows<float> full;
  StridedRows<c10::BFloat16> rounded = {};
};

/// What all kernels of attention take.
struct DeviceAttention {
  const std::int64_t* query_offsets = nullptr;  ///< by sequence
  const std::int64_t* token_offsets = nullptr;
  bool is_causal = false;
  const std::int64_t* query_tokens = nullptr;  ///< row of the token of each query; null: queries are tokens
  std::int64_t query_count = 0;                ///< of all sequences
  unsigned heads = 1;
  int width = 1;          ///< of a head
  unsigned tiles = 1;     ///< of the longest sequence
  int dropout_bytes = 0;  ///< of shared memory for a warp
  float scale = 1.0F;     ///< of the scores
  DeviceDropout dropout;
  StridedRows<const float> query, key, value;
};

/// How a kernel is compiled. `kTile` queries and keys at a time; heads of up to `kWidth` numbers, or, if `kIsAligned`,
/// of exactly as many, with all rows at multiples of 16 bytes.
template <int kTile_, int kWidth_, bool kIsAligned_>
struct AttentionTiles {
  static constexpr int kTile = kTile_;
  static constexpr int kWidth = kWidth_;
  static constexpr bool kIsAligned = kIsAligned_;

  static constexpr int kRowsOfWarp = 16;
  static constexpr int kThreads = kTile / kRowsOfWarp * 32;
  static constexpr int kRows = 4;              // of a lane, in its warp's part of a tile
  static constexpr int kKeys = kTile / 8;      // of a lane
  static constexpr int kNumbers = kWidth / 8;  // of a lane in a row of a head
  static constexpr int kStride = kWidth + 4;
  static constexpr int kScoreStride = kTile + 8;
  static constexpr int kTileFloats = kTile * kStride;
  static constexpr int kScoreFloats = kTile * kScoreStride;
  static constexpr int kLargerFloats = kTileFloats > kScoreFloats ? kTileFloats : kScoreFloats;
  /// Blocks of so many warps together, which a multiprocessor is to hold: it sets the registers that a thread may take.
  static constexpr int blocks_of_warps(int warps) { return warps * 32 / kThreads; }
  static_assert(kTile % kRowsOfWarp == 0 && kWidth % 32 == 0);
};

/// The head, the sequence and the tile of a block, and its thread's place. Blocks of one head, then those of one
/// sequence, follow each other, because they read the same rows.
template <typename Tiles>
struct AttentionPlace {
  __device__ explicit AttentionPlace(const DeviceAttention& a) {
    const unsigned of_sequence = blockIdx.x / a.tiles;
    first = static_cast<int>(blockIdx.x % a.tiles) * Tiles::kTile;
    head = of_sequence % a.heads;
    sequence = of_sequence / a.heads;
    first_query = a.query_offsets[sequence];
    queries = static_cast<int>(a.query_offsets[sequence + 1] - first_query);
    first_token = a.token_offsets[sequence];
    tokens = static_cast<int>(a.token_offsets[sequence + 1] - first_token);
    first_column = static_cast<std::int64_t>(head) * a.width;
    // Lanes that read the same address are neighbours or next but one, which wide reads of shared memory combine.
    const int lane = static_cast<int>(threadIdx.x % kWarp);
    column = (lane & 1) | (lane >> 1 & 6);
    row = (lane >> 1 & 1) | (lane >> 3 & 2);
    first_of_warp = static_cast<int>(threadIdx.x / kWarp) * Tiles::kRowsOfWarp;
  }

  /// Row `i` of a lane, in the tile.
  __device__ int row_of(int i) const { return first_of_warp + row + 4 * i; }
  /// Number of the first element of row `query` of the probabilities, for dropout.
  __device__ std::int64_t first_element(int query) const {
    return (static_cast<std::int64_t>(head) * queries + query) * tokens;
  }

  /// The keys of the sequence, from the first, that the tile's last query sees: no query of it sees others.
  __device__ int visible_to_tile(const DeviceAttention& a) const {
    const int last = first + Tiles::kTile < queries ? first + Tiles::kTile - 1 : queries - 1;
    return a.is_causal ? visible_keys(a, last) : tokens;
  }
  /// Those that a query sees, of causal attention.
  __device__ int visible_keys(const DeviceAttention& a, int query) const {
    const std::int64_t row = first_query + query;
    return static_cast<int>((a.query_tokens == nullptr ? row : a.query_tokens[row]) - first_token) + 1;
  }

  unsigned head;
  std::int64_t sequence, first_query, first_token, first_column;
  int queries, tokens;
  int first;          ///< row of the block's tile in the sequence
  int column, row;    ///< of the lane: 0 to 7, and 0 to 3
  int first_of_warp;  ///< row of the warp in the tile
};

/// A sum over the eight lanes with the same row.
__device__ inline float sum_of_row(float value) {
  value += __shfl_xor_sync(kAllLanes, value, 1);
  value += __shfl_xor_sync(kAllLanes, value, 4);
  return value + __shfl_xor_sync(kAllLanes, value, 8);
}

__device__ inline float largest_of_row(float value) {
  value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, 1));
  value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, 4));
  return fmaxf(value, __shfl_xor_sync(kAllLanes, value, 8));
}

/// Copies `count` rows, at most a tile, to shared memory, and fills it with zeros.
template <typename Tiles>
__device__ void load_tile(float* tile, const float* rows, std::int64_t stride, int count, int width) {
  if constexpr (Tiles::kIsAligned) {
    constexpr int kVectors = Tiles::kWidth / 4;
    constexpr int kAtATime = 4;  // reads on their way: more would take too many registers
    const int column = static_cast<int>(threadIdx.x) % kVectors * 4;
    int row = static_cast<int>(threadIdx.x) / kVectors;
    constexpr int kRowsOfRead = Tiles::kThreads / kVectors;
    KEEP_LOOP
    for (; row < Tiles::kTile; row += kAtATime * kRowsOfRead) {
      float4 numbers[kAtATime];
      for (int i = 0; i < kAtATime; ++i) {
        const int from = row + i * kRowsOfRead;
        numbers[i] = float4{0.0F, 0.0F, 0.0F, 0.0F};
        if (from < count) numbers[i] = *reinterpret_cast<const float4*>(rows + from * stride + column);
      }
      for (int i = 0; i < kAtATime; ++i) {
        *reinterpret_cast<float4*>(tile + (row + i * kRowsOfRead) * Tiles::kStride + column) = numbers[i];
      }
    }
  } else {
    for (int i = static_cast<int>(threadIdx.x); i < Tiles::kTile * Tiles::kWidth; i += Tiles::kThreads) {
      const int row = i / Tiles::kWidth;
      const int column = i % Tiles::kWidth;
      tile[row * Tiles::kStride + column] = row < count && column < width ? rows[row * stride + column] : 0.0F;
    }
  }
}

/// The products of a lane's rows of one tile with its rows of another: scores, and gradients of probabilities.
template <typename Tiles>
__device__ void multiply_rows(float (&products)[Tiles::kRows][Tiles::kKeys], const float* tile, const float* other,
                              int width, const AttentionPlace<Tiles>& place) {
  for (int i = 0; i < Tiles::kRows; ++i) {
    for (int j = 0; j < Tiles::kKeys; ++j) products[i][j] = 0.0F;
  }
  const float* const own = tile + place.row_of(0) * Tiles::kStride;
  const float* const others = other + place.column * Tiles::kStride;
  KEEP_LOOP
  for (int n = 0; n < width; n += 4) {
    float4 row[Tiles::kRows];
    for (int i = 0; i < Tiles::kRows; ++i) {
      row[i] = *reinterpret_cast<const float4*>(own + 4 * i * Tiles::kStride + n);
    }
    for (int j = 0; j < Tiles::kKeys; ++j) {
      const float4 key = *reinterpret_cast<const float4*>(others + 8 * j * Tiles::kStride + n);
      for (int i = 0; i < Tiles::kRows; ++i) {
        products[i][j] += row[i].x * key.x;
        products[i][j] += row[i].y * key.y;
        products[i][j] += row[i].z * key.z;
        products[i][j] += row[i].w * key.w;
      }
    }
  }
}

/// Of causal attention: the scores of keys that come after the token of their query. `first_query` and `first_key` are
/// those of the tiles, in the sequence.
template <typename Tiles>
__device__ void hide_later_keys(float (&scores)[Tiles::kRows][Tiles::kKeys], const DeviceAttention& a,
                                const AttentionPlace<Tiles>& place, int first_query, int first_key) {
  for (int i = 0; i < Tiles::kRows; ++i) {
    const int query = first_query + place.row_of(i);
    if (query >= place.queries) continue;
    const int visible = place.visible_keys(a, query);
    for (int j = 0; j < Tiles::kKeys; ++j) {
      if (first_key + place.column + 8 * j >= visible) scores[i][j] = -INFINITY;
    }
  }
}

/// What a lane accumulates of rows of a head. Its numbers of a row are four neighbours of every 32.
template <typename Tiles>
using LaneRows = float[Tiles::kRows][Tiles::kNumbers];

template <typename Tiles>
__device__ void set_to_zero(LaneRows<Tiles>& rows) {
  for (int i = 0; i < Tiles::kRows; ++i) {
    for (int n = 0; n < Tiles::kNumbers; ++n) rows[i][n] = 0.0F;
  }
}

template <typename Tiles>
__device__ void add_scaled(float (&sums)[Tiles::kNumbers], float factor, const float* row) {
  for (int g = 0; g < Tiles::kNumbers / 4; ++g) {
    const float4 numbers = *reinterpret_cast<const float4*>(row + 32 * g);
    sums[4 * g] += factor * numbers.x;
    sums[4 * g + 1] += factor * numbers.y;
    sums[4 * g + 2] += factor * numbers.z;
    sums[4 * g + 3] += factor * numbers.w;
  }
}

/// Adds scores x rows: to the rows of this lane, the sum of the first `count` rows of `tile`, weighted by `scores`.
/// Those of a row beyond `count` must be 0 up to a multiple of 4.
template <typename Tiles>
__device__ void add_weighted_rows(LaneRows<Tiles>& sums, const float* scores, const float* tile, int count,
                                  const AttentionPlace<Tiles>& place) {
  const float* const own = scores + place.row_of(0) * Tiles::kScoreStride;
  const float* const column = tile + 4 * place.column;
  KEEP_LOOP
  for (int key = 0; key < count; key += 4) {
    float4 weights[Tiles::kRows];
    for (int i = 0; i < Tiles::kRows; ++i) {
      weights[i] = *reinterpret_cast<const float4*>(own + 4 * i * Tiles::kScoreStride + key);
    }
    for (int i = 0; i < Tiles::kRows; ++i) {
      add_scaled<Tiles>(sums[i], weights[i].x, column + key * Tiles::kStride);
    }
    for (int i = 0; i < Tiles::kRows; ++i) {
      add_scaled<Tiles>(sums[i], weights[i].y, column + (key + 1) * Tiles::kStride);
    }
    for (int i = 0; i < Tiles::kRows; ++i) {
      add_scaled<Tiles>(sums[i], weights[i].z, column + (key + 2) * Tiles::kStride);
    }
    for (int i = 0; i < Tiles::kRows; ++i) {
      add_scaled<Tiles>(sums[i], weights[i].w, column + (key + 3) * Tiles::kStride);
    }
  }
}

/// Adds scoresᵀ x rows: to four neighbouring rows, the sum of the first `count` rows of `tile`, weighted by columns of
/// `scores`.
template <typename Tiles>
__device__ void add_rows_weighted_by_columns(LaneRows<Tiles>& sums, const float* scores, const float* tile, int count,
                                             const AttentionPlace<Tiles>& place) {
  const float* const own = scores + place.first_of_warp + 4 * place.row;
  const float* const column = tile + 4 * place.column;
  for (int query = 0; query < count; ++query) {
    const float4 weights = *reinterpret_cast<const float4*>(own + query * Tiles::kScoreStride);
    add_scaled<Tiles>(sums[0], weights.x, column + query * Tiles::kStride);
    add_scaled<Tiles>(sums[1], weights.y, column + query * Tiles::kStride);
    add_scaled<Tiles>(sums[2], weights.z, column + query * Tiles::kStride);
    add_scaled<Tiles>(sums[3], weights.w, column + query * Tiles::kStride);
  }
}

struct alignas(8) FourRounded {
  c10::BFloat16 numbers[4];
};

/// Writes a lane's numbers of one row of a head.
template <typename Tiles>
__device__ void store_row(const DeviceResult& result, std::int64_t row, const float (&numbers)[Tiles::kNumbers],
                          const AttentionPlace<Tiles>& place, int width) {
  UNROLL
  for (int g = 0; g < Tiles::kNumbers / 4; ++g) {
    const int column = 4 * place.column + 32 * g;
    float* const full = result.full.at(row, place.first_column + column);
    const float* const four = numbers + 4 * g;
    if constexpr (Tiles::kIsAligned) {
      *reinterpret_cast<float4*>(full) = float4{four[0], four[1], four[2], four[3]};
      if (result.rounded.data == nullptr) continue;
      *reinterpret_cast<FourRounded*>(result.rounded.at(row, place.first_column + column)) = {
          {c10::BFloat16(four[0]), c10::BFloat16(four[1]), c10::BFloat16(four[2]), c10::BFloat16(four[3])}};
    } else {
      UNROLL
      for (int n = 0; n < 4; ++n) {
        if (column + n >= width) continue;
        full[n] = four[n];
        if (result.rounded.data == nullptr) continue;
        *result.rounded.at(row, place.first_column + column + n) = c10::BFloat16(four[n]);
      }
    }
  }
}

}  // namespace tunescope
