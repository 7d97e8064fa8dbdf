#pragma once

// Attention with the softmax taken as the keys pass by: each row keeps its largest score, the sum of its exponentials
// and the sum of values weighted by them, and scales both sums when a larger score comes (Milakov and Gimelshein 2018;
// Dao et al. 2022, algorithm 1). Of the probabilities nothing is stored but the logarithm of each row's sum.

#include "dropout.hpp"
#include "tiles.hpp"

namespace tunescope {

struct DeviceAttentionOutput {
  DeviceResult context;
  float* log_sum_exp = nullptr;  ///< [heads, queries]
};

/// A block for each sequence, head and tile of queries.
template <typename Tiles>
__global__ void __launch_bounds__(Tiles::kThreads, Tiles::blocks_of_warps(Tiles::kIsAligned ? 12 : 8))
    attend(DeviceAttention a, DeviceAttentionOutput output) {
  const AttentionPlace<Tiles> place(a);
  if (place.first >= place.queries) return;
  float* const queries = dynamic_shared<float>();
  float* const keys = queries + Tiles::kTileFloats;
  float* const weights = keys;  // once the scores are computed
  float* const values = keys + Tiles::kLargerFloats;
  const int query_count = place.queries - place.first;
  const bool has_rows = place.first_of_warp < query_count;
  load_tile<Tiles>(queries, a.query.at(place.first_query + place.first, place.first_column), a.query.stride,
                   query_count, a.width);

  WarpDropout<Tiles> dropout(a, place, values + Tiles::kTileFloats, a.dropout_bytes);
  if (has_rows) dropout.draw_rows(place.first);
  LaneRows<Tiles> sums;
  set_to_zero<Tiles>(sums);
  float largest[Tiles::kRows];
  float exponentials[Tiles::kRows];  // this lane's part of the sum
  for (int i = 0; i < Tiles::kRows; ++i) {
    largest[i] = -INFINITY;
    exponentials[i] = 0.0F;
  }
  const int visible = place.visible_to_tile(a);
  for (int first_key = 0; first_key < visible; first_key += Tiles::kTile) {
    const int key_count = visible - first_key < Tiles::kTile ? visible - first_key : Tiles::kTile;
    const std::int64_t row = place.first_token + first_key;
    __syncthreads();  // the tile before is read
    load_tile<Tiles>(keys, a.key.at(row, place.first_column), a.key.stride, key_count, a.width);
    load_tile<Tiles>(values, a.value.at(row, place.first_column), a.value.stride, key_count, a.width);
    __syncthreads();
    float scores[Tiles::kRows][Tiles::kKeys];
    if (has_rows) multiply_rows<Tiles>(scores, queries, keys, a.width, place);
    __syncthreads();  // the weights take the place of the keys
    if (!has_rows) continue;
    if (a.is_causal) hide_later_keys<Tiles>(scores, a, place, place.first, first_key);
    const std::uint32_t kept = dropout.kept(first_key, key_count);
    for (int i = 0; i < Tiles::kRows; ++i) {
      float new_largest = largest[i];
      for (int j = 0; j < Tiles::kKeys; ++j) {
        scores[i][j] = place.column + 8 * j < key_count ? scores[i][j] * a.scale : -INFINITY;
        new_largest = fmaxf(new_largest, scores[i][j]);
      }
      new_largest = largest_of_row(new_largest);
      const float shrink = expf(largest[i] - new_largest);
      largest[i] = new_largest;
      exponentials[i] *= shrink;
      for (int n = 0; n < Tiles::kNumbers; ++n) sums[i][n] *= shrink;
      for (int j = 0; j < Tiles::kKeys; ++j) {
        const float weight = expf(scores[i][j] - new_largest);
        exponentials[i] += weight;
        const bool is_kept = (kept >> (8 * i + j) & 1U) != 0;
        weights[place.row_of(i) * Tiles::kScoreStride + place.column + 8 * j] =
            is_kept ? weight * a.dropout.scale : 0.0F;
      }
    }
    __syncwarp();  // a warp reads only its own rows of the weights
    add_weighted_rows<Tiles>(sums, weights, values, key_count, place);
  }
  if (!has_rows) return;
  UNROLL
  for (int i = 0; i < Tiles::kRows; ++i) {
    const float sum = sum_of_row(exponentials[i]);
    if (place.row_of(i) >= query_count) continue;
    for (int n = 0; n < Tiles::kNumbers; ++n) sums[i][n] /= sum;
    const std::int64_t query = place.first_query + place.first + place.row_of(i);
    store_row<Tiles>(output.context, query, sums[i], place, a.width);
    if (place.column == 0) output.log_sum_exp[place.head * a.query_count + query] = largest[i] + logf(sum);
  }
}

/// Of a block.
template <typename Tiles>
constexpr int attend_shared_floats() {
  return 2 * Tiles::kTileFloats + Tiles::kLargerFloats;
}

}  // namespace tunescope
