#pragma once

#include "tunescope/kernels/attention.hpp"

namespace tunescope::aten {

/// Applies dropout in place to what is laid out like the probabilities of all sequences.
inline void drop_probabilities(const at::Tensor& all, const AttentionLayout& layout, const Dropout& dropout) {
  apply_dropout_(all, {layout.queries.pair_offsets, layout.heads}, layout.tokens.streams, dropout);
}

/// The probabilities after dropout: a copy, unless there is no dropout.
inline at::Tensor dropped_probabilities(const at::Tensor& softmax, const AttentionLayout& layout,
                                        const Dropout& dropout) {
  if (dropout.probability <= 0.0) return softmax;
  at::Tensor copy = softmax.clone();
  drop_probabilities(copy, layout, dropout);
  return copy;
}

}  // namespace tunescope::aten
