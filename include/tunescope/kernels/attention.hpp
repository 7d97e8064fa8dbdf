#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "tunescope/kernels/dropout.hpp"

namespace tunescope {

/// Which queries attend to which tokens: those of one sequence to each other. T tokens, B sequences, Q queries.
struct AttentionLayout {
  std::span<const std::int64_t> sequence_offsets;  ///< [B+1], in tokens
  std::span<const std::int64_t> query_offsets;     ///< [B+1], in queries
  DropoutStreams streams;                          ///< not read without dropout
  std::int64_t heads = 1;
};

/// Rows may lie apart, as columns of a wider tensor do.
struct AttentionInputs {
  at::Tensor query;      ///< [Q, H]
  at::Tensor key_value;  ///< [T, 2 H], each token's key and value
};

struct AttentionOutput {
  at::Tensor context;        ///< [Q, H]
  at::Tensor probabilities;  ///< softmax before dropout, [heads, its queries, its tokens] a sequence, end to end
};

/// Scaled dot-product attention (Vaswani et al. 2017, equation 1) within each sequence, with dropout on the
/// probabilities.
AttentionOutput attention(const AttentionInputs& inputs, const AttentionLayout& layout, const Dropout& dropout);

/// The inputs' gradients, from that of the context [Q, H] contiguous and the `probabilities` of the forward pass.
AttentionInputs attention_backward(const at::Tensor& context_gradient, const at::Tensor& probabilities,
                                   const AttentionInputs& inputs, const AttentionLayout& layout,
                                   const Dropout& dropout);

}  // namespace tunescope
