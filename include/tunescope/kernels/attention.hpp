#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "tunescope/kernels/dropout.hpp"

namespace tunescope {

/// Which tokens attend to which: those of one sequence to each other. T tokens, B sequences.
struct AttentionLayout {
  std::span<const std::int64_t> sequence_offsets;  ///< [B+1], in tokens
  DropoutStreams streams;                          ///< not read without dropout
  std::int64_t heads = 1;
};

struct AttentionOutput {
  at::Tensor context;        ///< [T, H]
  at::Tensor probabilities;  ///< softmax before dropout, [heads, L, L] a sequence, end to end
};

/// Scaled dot-product attention (Vaswani et al. 2017, equation 1) within each sequence, with dropout on the
/// probabilities. `projections` [T, 3 H] contiguous: each token's query, key and value.
AttentionOutput attention(const at::Tensor& projections, const AttentionLayout& layout, const Dropout& dropout);

/// The gradient of the projections [T, 3 H], from that of the context [T, H] contiguous and the `probabilities` of the
/// forward pass.
at::Tensor attention_backward(const at::Tensor& context_gradient, const at::Tensor& probabilities,
                              const at::Tensor& projections, const AttentionLayout& layout, const Dropout& dropout);

}  // namespace tunescope
