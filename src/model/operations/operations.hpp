#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "model/pass/recording.hpp"
#include "tunescope/kernels/activation.hpp"

namespace tunescope {

// The operations that networks are made of. Each computes its output and records its backward function. R rows, which
// belong to tokens or to sequences.

// W stands for a weight [out, in]; one that lies as [in, out] is multiplied accordingly. Only `linear` and `head` take
// layers without bias.

/// x Wᵀ + b for linear layers with the same input, their outputs side by side: [R, in] to [R, sum of their outputs].
Value linear(Recording& pass, std::span<const LinearParameters> layers, const Value& input);
inline Value linear(Recording& pass, const LinearParameters& layer, const Value& input) {
  return linear(pass, std::span(&layer, 1), input);
}

/// What reads a value. If products are in bfloat16, what only they read is not written in full precision.
enum class Readers { kProducts, kProductsAndOthers };

/// f(x Wᵀ + b), elementwise: [R, in] to [R, out].
Value linear_activation(Recording& pass, const LinearParameters& layer, Activation activation, const Value& input,
                        Readers readers = Readers::kProducts);

/// tanh(x), elementwise.
Value tanh(Recording& pass, const Value& input);

/// A dropout layer of its own.
Value dropout(Recording& pass, const Value& input, const Dropout& dropout);

/// For each model, x Wᵀ + b with its own number of outputs, in full precision: [B, H] to [its sequences, its outputs].
std::vector<Value> head(Recording& pass, const LinearParameters& layer, const Value& input);

/// A LayerNorm and its constant.
struct Norm {
  LayerNormParameters parameters;
  double epsilon = 0.0;
};

/// y = dropout(LayerNorm(sum of the rows that `Network::lookups` names)) [T, H].
Value embedding(Recording& pass, const Norm& norm, const Dropout& dropout);

/// What a LayerNorm makes of a sum, and the sum. Both go on in a network whose blocks begin with LayerNorm: the sum is
/// its hidden state, as observers see it.
struct Normalized {
  Value output;
  Value sum;
};

/// For such a network: dropout(sum of the rows) and its LayerNorm [T, H].
Normalized embedding_with_sum(Recording& pass, const Norm& norm, const Dropout& dropout);

struct AttentionOptions {
  std::int64_t heads = 1;
  Dropout dropout = {};  ///< of the probabilities
  bool is_causal = false;
  std::optional<double> scale = {};  ///< of the scores; absent: 1 / √d
};

/// Scaled dot-product attention within each sequence: queries [Q, H], keys and values side by side [T, 2 H]. Returns
/// the context [Q, H].
Value attention(Recording& pass, const Value& query, const Value& key_value, const AttentionOptions& options);

/// The same where every token has a query: queries, keys and values side by side [T, 3 H], to the context [T, H].
Value self_attention(Recording& pass, const Value& query_key_value, const AttentionOptions& options);

/// The same with the queries of the tokens that the head reads: [T, 3 H] to [B, H].
Value pooled_attention(Recording& pass, const Value& query_key_value, const AttentionOptions& options);

/// What follows the last linear layer of a block: y = LayerNorm(dropout(x Wᵀ + b) + residual), as BERT has it.
struct BlockEnd {
  LinearParameters layer;
  Norm norm;
  Dropout dropout = {};
  DepthPoint branch = DepthPoint::kAttentionBranch;  ///< what it is to an observer
  std::size_t depth = 0;                             ///< number of the layer, from 1
  bool leaves_layer = true;  ///< whether the end of a feed-forward block is the layer's, to an observer
};
Value end_of_block(Recording& pass, const BlockEnd& end, const Value& input, const Value& residual);

/// Where blocks begin with LayerNorm: the sum that a block ends with, and its LayerNorm, with which the next one
/// begins.
Normalized end_of_block_with_sum(Recording& pass, const BlockEnd& end, const Value& input, const Value& residual);

/// y = LayerNorm(branch + residual) [R, H], or LayerNorm(branch).
Value sum_norm(Recording& pass, const Norm& norm, const Value& branch, const std::optional<Value>& residual);

/// a + b, elementwise.
Value add(Recording& pass, const Value& a, const Value& b);

/// The rows of the tokens that the head reads, one for each sequence: [T, H] to [B, H]. Rows of sequences stay as they
/// are.
Value pooled_tokens(Recording& pass, const Value& input);

/// Shows the embeddings (layer 0), or the hidden states that leave another layer, and their gradient, to the pass's
/// observer if it has one. The ends of blocks show the rest.
Value observe_hidden(Recording& pass, const Value& hidden, std::size_t layer);

}  // namespace tunescope
