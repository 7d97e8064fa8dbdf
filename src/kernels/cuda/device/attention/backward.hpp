#pragma once

// The backward pass of attention computes the probabilities again, from the scores and the logarithms of the sums of
// their exponentials. With the gradient G of the context C, the probabilities P and their mask M (0, or the factor of
// dropout):
//   dV = (P∘M)ᵀ G,  dP = M∘(G Vᵀ),  dS = P∘(dP - D),  D = rowsum(P∘dP) = rowsum(G∘C),  dQ = dS K / √d,  dK = dSᵀ Q / √d
// (Dao et al. 2022, appendix B). One kernel gives dQ, and D on its way, by tiles of queries; a second gives dK and dV
// by tiles of keys. Each result is written by one block, in a fixed order of its sums.

#include "dropout.hpp"
#include "tiles.hpp"

namespace tunescope {

struct DeviceAttentionGradient {
  StridedRows<const float> of_context;
  StridedRows<const float> context;
  const float* log_sum_exp = nullptr;  ///< [heads, queries]
  float* row_sums = nullptr;           ///< [heads, queries], D above: from the first kernel for the second
};

/// P, after dropout, and dS of a lane's queries (its rows of a tile, of which the first is query `first` of all
/// sequences) and keys. Takes the scores for the one and G Vᵀ for the other.
template <typename Tiles>
__device__ void probabilities_and_gradients(float (&scores)[Tiles::kRows][Tiles::kKeys],
                                            float (&gradients)[Tiles::kRows][Tiles::kKeys], std::uint32_t kept,
                                            const DeviceAttention& a, const DeviceAttentionGradient& g,
                                            const AttentionPlace<Tiles>& place, std::int64_t first, int query_count) {
  for (int i = 0; i < Tiles::kRows; ++i) {
    const bool is_query = place.row_of(i) < query_count;
    const std::int64_t number = place.head * a.query_count + first + place.row_of(i);
    const float log_sum = is_query ? g.log_sum_exp[number] : 0.0F;
    const float row_sum = is_query ? g.row_sums[number] : 0.0F;
    for (int j = 0; j < Tiles::kKeys; ++j) {
      const float factor = (kept >> (8 * i + j) & 1U) != 0 ? a.dropout.scale : 0.0F;
      const float probability = expf(scores[i][j] * a.scale - log_sum);
      gradients[i][j] = probability * (factor * gradients[i][j] - row_sum) * a.scale;
      scores[i][j] = probability * factor;
    }
  }
}

/// A block for each sequence, head and tile of queries.
template <typename Tiles>
__global__ void __launch_bounds__(Tiles::kThreads, Tiles::blocks_of_warps(Tiles::kIsAligned ? 12 : 8))
    attend_backward_to_queries(DeviceAttention a, DeviceAttentionGradient g, DeviceResult query_gradient) {
  const AttentionPlace<Tiles> place(a);
  if (place.first >= place.queries) return;
  float* const queries = dynamic_shared<float>();
  float* const gradients = queries + Tiles::kTileFloats;
  float* const keys = gradients + Tiles::kTileFloats;
  float* const values = keys + Tiles::kTileFloats;
  float* const score_gradients = values;  // once those of the probabilities are computed
  const int query_count = place.queries - place.first;
  const bool has_rows = place.first_of_warp < query_count;
  const std::int64_t first_query = place.first_query + place.first;
  load_tile<Tiles>(queries, a.query.at(first_query, place.first_column), a.query.stride, query_count, a.width);
  load_tile<Tiles>(gradients, g.of_context.at(first_query, place.first_column), g.of_context.stride, query_count,
                   a.width);
  __syncthreads();

  for (int i = 0; i < Tiles::kRows; ++i) {
    const int row = place.row_of(i);
    const bool is_query = row < query_count;
    float sum = 0.0F;
    for (int n = place.column; is_query && n < a.width; n += 8) {
      sum += gradients[row * Tiles::kStride + n] * *g.context.at(first_query + row, place.first_column + n);
    }
    sum = sum_of_row(sum);
    if (is_query && place.column == 0) g.row_sums[place.head * a.query_count + first_query + row] = sum;
  }

  WarpDropout<Tiles> dropout(a, place, values + Tiles::kLargerFloats, a.dropout_bytes);
  if (has_rows) dropout.draw_rows(place.first);
  LaneRows<Tiles> sums;
  set_to_zero<Tiles>(sums);
  const int visible = place.visible_to_tile(a);
  for (int first_key = 0; first_key < visible; first_key += Tiles::kTile) {
    const int key_count = visible - first_key < Tiles::kTile ? visible - first_key : Tiles::kTile;
    const std::int64_t row = place.first_token + first_key;
    __syncthreads();  // the tile before is read
    load_tile<Tiles>(keys, a.key.at(row, place.first_column), a.key.stride, key_count, a.width);
    load_tile<Tiles>(values, a.value.at(row, place.first_column), a.value.stride, key_count, a.width);
    __syncthreads();
    float scores[Tiles::kRows][Tiles::kKeys];
    float of_scores[Tiles::kRows][Tiles::kKeys];
    if (has_rows) {
      multiply_rows<Tiles>(scores, queries, keys, a.width, place);
      multiply_rows<Tiles>(of_scores, gradients, values, a.width, place);
    }
    __syncthreads();  // the gradients of the scores take the place of the values
    if (!has_rows) continue;
    if (a.is_causal) hide_later_keys<Tiles>(scores, a, place, place.first, first_key);
    const std::uint32_t kept = dropout.kept(first_key, key_count);
    probabilities_and_gradients<Tiles>(scores, of_scores, kept, a, g, place, first_query, query_count);
    for (int i = 0; i < Tiles::kRows; ++i) {
      for (int j = 0; j < Tiles::kKeys; ++j) {
        const int key = place.column + 8 * j;
        score_gradients[place.row_of(i) * Tiles::kScoreStride + key] = key < key_count ? of_scores[i][j] : 0.0F;
      }
    }
    __syncwarp();  // a warp reads only its own rows
    add_weighted_rows<Tiles>(sums, score_gradients, keys, key_count, place);
  }
  UNROLL
  for (int i = 0; i < Tiles::kRows; ++i) {
    if (place.row_of(i) >= query_count) continue;
    store_row<Tiles>(query_gradient, first_query + place.row_of(i), sums[i], place, a.width);
  }
}

/// Of a block.
template <typename Tiles>
constexpr int backward_to_queries_shared_floats() {
  return 3 * Tiles::kTileFloats + Tiles::kLargerFloats;
}

/// A block for each sequence, head and tile of keys.
template <typename Tiles>
__global__ void __launch_bounds__(Tiles::kThreads, Tiles::blocks_of_warps(8))
    attend_backward_to_keys(DeviceAttention a, DeviceAttentionGradient g, DeviceResult key_gradient,
                            DeviceResult value_gradient) {
  const AttentionPlace<Tiles> place(a);
  if (place.first >= place.tokens) return;
  float* const keys = dynamic_shared<float>();
  float* const values = keys + Tiles::kTileFloats;
  float* const queries = values + Tiles::kTileFloats;
  float* const gradients = queries + Tiles::kTileFloats;
  float* const weights = gradients + Tiles::kTileFloats;  // of one kind after the other
  const int key_count = place.tokens - place.first;
  const std::int64_t first_key = place.first_token + place.first;
  load_tile<Tiles>(keys, a.key.at(first_key, place.first_column), a.key.stride, key_count, a.width);
  load_tile<Tiles>(values, a.value.at(first_key, place.first_column), a.value.stride, key_count, a.width);

  WarpDropout<Tiles> dropout(a, place, weights + Tiles::kScoreFloats, a.dropout_bytes);
  LaneRows<Tiles> key_sums;
  LaneRows<Tiles> value_sums;
  set_to_zero<Tiles>(key_sums);
  set_to_zero<Tiles>(value_sums);
  // Earlier tokens do not see these keys.
  const int first_seeing = a.is_causal && a.query_tokens == nullptr ? place.first : 0;
  for (int first_query = first_seeing; first_query < place.queries; first_query += Tiles::kTile) {
    const int query_count = place.queries - first_query < Tiles::kTile ? place.queries - first_query : Tiles::kTile;
    const bool has_rows = place.first_of_warp < query_count;
    const bool has_keys = place.first_of_warp < key_count;
    const std::int64_t first_row = place.first_query + first_query;
    __syncthreads();  // the tile before is read
    load_tile<Tiles>(queries, a.query.at(first_row, place.first_column), a.query.stride, query_count, a.width);
    load_tile<Tiles>(gradients, g.of_context.at(first_row, place.first_column), g.of_context.stride, query_count,
                     a.width);
    __syncthreads();
    float scores[Tiles::kRows][Tiles::kKeys];
    float of_scores[Tiles::kRows][Tiles::kKeys];
    float* own[Tiles::kRows];
    for (int i = 0; i < Tiles::kRows; ++i) {
      own[i] = weights + place.row_of(i) * Tiles::kScoreStride + place.column;
    }
    if (has_rows) {
      multiply_rows<Tiles>(scores, queries, keys, a.width, place);
      multiply_rows<Tiles>(of_scores, gradients, values, a.width, place);
      if (a.is_causal) hide_later_keys<Tiles>(scores, a, place, first_query, place.first);
      dropout.draw_keys(first_query, place.first);
      const std::uint32_t kept = dropout.kept(place.first, key_count);
      probabilities_and_gradients<Tiles>(scores, of_scores, kept, a, g, place, first_row, query_count);
      for (int i = 0; i < Tiles::kRows; ++i) {
        for (int j = 0; j < Tiles::kKeys; ++j) own[i][8 * j] = scores[i][j];
      }
    }
    __syncthreads();
    if (has_keys) add_rows_weighted_by_columns<Tiles>(value_sums, weights, gradients, query_count, place);
    __syncthreads();
    if (has_rows) {
      for (int i = 0; i < Tiles::kRows; ++i) {
        for (int j = 0; j < Tiles::kKeys; ++j) own[i][8 * j] = of_scores[i][j];
      }
    }
    __syncthreads();
    if (has_keys) add_rows_weighted_by_columns<Tiles>(key_sums, weights, queries, query_count, place);
  }
  UNROLL
  for (int i = 0; i < Tiles::kRows; ++i) {
    const int row = place.first_of_warp + 4 * place.row + i;
    if (row >= key_count) continue;
    store_row<Tiles>(key_gradient, first_key + row, key_sums[i], place, a.width);
    store_row<Tiles>(value_gradient, first_key + row, value_sums[i], place, a.width);
  }
}

/// Of a block.
template <typename Tiles>
constexpr int backward_to_keys_shared_floats() {
  return 4 * Tiles::kTileFloats + Tiles::kScoreFloats;
}

}  // namespace tunescope
