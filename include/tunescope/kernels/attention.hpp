#pragma once

#include <ATen/core/Tensor.h>

#include <cmath>
#include <cstdint>
#include <optional>

#include "tunescope/kernels/dropout.hpp"

namespace tunescope {

// Attention on packed sequences. For each sequence and head, with d the head size:
//   probabilities = softmax(query keyᵀ / √d), context = dropout(probabilities) value
// (Vaswani et al. 2017, equation 1). Since sequences are packed without padding, each one is a small dense problem of
// its own. With causal attention a query attends to the tokens up to its own alone, and scores of later ones are not
// computed, but for those that share a tile with earlier ones. What the backward pass needs is kept; the dropout mask
// is not, since it can be drawn again. There may be fewer queries than tokens: in the last layer only the token that
// the head reads needs one.

/// Which queries attend to which tokens: a query attends to the tokens of its own sequence. T tokens, B sequences, Q
/// queries.
struct AttentionLayout {
  const RowLayout& queries;  ///< of the same batch layout as the tokens
  const RowLayout& tokens;
  std::int64_t heads = 1;
  bool is_causal = false;            ///< by the tokens of the queries, see `RowLayout::token_rows`
  std::optional<double> scale = {};  ///< of the scores; absent: 1 / √d

  double score_scale(std::int64_t head_width) const {
    return scale.value_or(1.0 / std::sqrt(static_cast<double>(head_width)));
  }
};

/// The rows need not be contiguous: each tensor may be some columns of a wider one.
struct AttentionInputs {
  at::Tensor query;      ///< [Q, H]
  at::Tensor key_value;  ///< [T, 2 H], the key and the value of each token
};

/// What the backward pass needs of the forward pass. None of it may change in between.
struct AttentionActivations {
  AttentionInputs inputs;
  /// The probabilities before dropout, [heads, queries, tokens] for each sequence, laid end to end. From kernels for
  /// GPUs, which compute them again, the logarithms of their denominators instead: [heads, Q].
  at::Tensor softmax;
  at::Tensor context;  ///< from kernels for GPUs only
};

struct AttentionOutput {
  at::Tensor context;  ///< [Q, H]
  AttentionActivations saved;
};

/// Scaled dot-product attention within each sequence, with dropout on the probabilities. `rounded` [Q, H] bfloat16, as
/// the inputs may be strided, gets the context too, for a product in bfloat16; undefined: not wanted.
AttentionOutput attention(const AttentionInputs& inputs, const AttentionLayout& layout, const Dropout& dropout,
                          const at::Tensor& rounded = {});

/// Where the gradients of the inputs go. They have the inputs' shapes, and their rows need not be contiguous either.
struct AttentionGradients {
  AttentionInputs of_inputs;
  AttentionInputs rounded = {};  ///< the same in bfloat16; undefined: not wanted
};

/// Overwrites `gradients`, given the gradient of the context ([Q, H], contiguous) and what the forward pass saved with
/// the same layout and dropout.
void attention_backward(const at::Tensor& context_gradient, const AttentionActivations& saved,
                        const AttentionLayout& layout, const Dropout& dropout, const AttentionGradients& gradients);

}  // namespace tunescope
