#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tunescope/kernels/dropout.hpp"

namespace tunescope {

// Attention on packed sequences. For each sequence and head, with d the head size:
//   probabilities = softmax(query keyᵀ / √d), context = dropout(probabilities) value
// (Vaswani et al. 2017, equation 1). Since sequences are packed without padding, each one is a small dense problem of
// its own and no mask is needed. The probabilities are kept for the backward pass; the dropout mask is not, since it
// can be drawn again. There may be fewer queries than tokens: in the last layer only [CLS] needs one.

/// Which queries attend to which tokens: a query attends to the tokens of its own sequence. T tokens, B sequences, Q
/// queries.
struct AttentionLayout {
  const RowLayout& queries;  ///< of the same batch layout as the tokens
  const RowLayout& tokens;
  std::int64_t heads = 1;
};

/// The rows need not be contiguous: each tensor may be some columns of a wider one.
struct AttentionInputs {
  at::Tensor query;      ///< [Q, H]
  at::Tensor key_value;  ///< [T, 2 H], the key and the value of each token
};

struct AttentionOutput {
  at::Tensor context;        ///< [Q, H]
  at::Tensor probabilities;  ///< before dropout; [heads, queries, tokens] for each sequence, laid end to end
};

/// Scaled dot-product attention within each sequence, with dropout on the probabilities.
AttentionOutput attention(const AttentionInputs& inputs, const AttentionLayout& layout, const Dropout& dropout);

/// The gradients of the inputs, given the gradient of the context ([Q, H], contiguous) and the `probabilities` of the
/// forward pass.
AttentionInputs attention_backward(const at::Tensor& context_gradient, const at::Tensor& probabilities,
                                   const AttentionInputs& inputs, const AttentionLayout& layout,
                                   const Dropout& dropout);

}  // namespace tunescope
