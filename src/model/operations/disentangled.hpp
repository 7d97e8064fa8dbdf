#pragma once

#include <optional>

#include "model/operations/operations.hpp"

namespace tunescope {

// Operations of DeBERTa. Distances between tokens have rows of their own: see `DistanceRows`. R rows.

/// The sum of the rows that `Network::lookups` names: [T, width of the tables].
Value embedding_sum(Recording& pass);

/// The embeddings of the distances, normalized if there is a norm: [R, H].
Value distance_embedding(Recording& pass, const std::optional<Norm>& norm);

/// What distances say to tokens, as terms of the scores of attention.
struct DistanceTerms {
  bool query_to_position = false;  ///< "c2p" in `config.json`
  bool position_to_key = false;    ///< "p2c"
};

struct DisentangledOptions {
  std::int64_t heads = 1;
  double scale = 1.0;  ///< of the sum of all terms
  DistanceTerms terms = {};
  Dropout dropout = {};
};

/// See `disentangled_attention` of the kernels. `tokens` are queries, keys and values side by side [T, 3 H] or, if
/// there is a `query` [Q, H], keys and values alone. `positions` are the queries of the positions, if they are a term,
/// and then their keys, side by side; it is ignored if there are no terms. Returns the context [T or Q, H].
Value disentangled_attention(Recording& pass, const Value& tokens, const std::optional<Value>& query,
                             const Value& positions, const DisentangledOptions& options);

}  // namespace tunescope
