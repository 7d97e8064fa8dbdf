#pragma once

#include <ATen/core/Tensor.h>

#include "tunescope/kernels/attention.hpp"

namespace tunescope {

// Disentangled attention on packed sequences (He et al. 2021, DeBERTa, equation 4 as its authors' code computes it). A
// score has up to three terms: what the query says to the key, what it says to the distance of the two, and what the
// distance says to the key. For each sequence and head, with δ the row of the distance q - k:
//   scores[q, k] = scale (query[q]·key[k] + query[q]·position_key[δ] + key[k]·position_query[δ])
//   context = dropout(softmax(scores)) value
// Distances have rows of their own, which several sequences share: see `DistanceRows`.

struct DisentangledLayout {
  AttentionLayout attention;  ///< the queries of a sequence are its first tokens
  const DistanceRows& distances;
  double scale = 1.0;
};

/// Rows need not be contiguous. A tensor of positions is undefined if its term is not part of the scores.
struct DisentangledInputs {
  AttentionInputs tokens;
  at::Tensor position_key;    ///< [R, H]
  at::Tensor position_query;  ///< [R, H]
};

/// What the backward pass needs of the forward pass. None of it may change in between.
struct DisentangledActivations {
  DisentangledInputs inputs;
  at::Tensor softmax;  ///< as in `AttentionActivations`, before dropout
};

struct DisentangledOutput {
  at::Tensor context;  ///< [Q, H]
  DisentangledActivations saved;
};

/// `rounded` is as in `attention`.
DisentangledOutput disentangled_attention(const DisentangledInputs& inputs, const DisentangledLayout& layout,
                                          const Dropout& dropout, const at::Tensor& rounded = {});

/// Overwrites `gradients`, given the gradient of the context ([Q, H], contiguous) and what the forward pass saved with
/// the same layout and dropout. They have the inputs' shapes; those of positions are undefined where not wanted. The
/// gradients of a set of position rows are summed over its sequences in their order, so they depend neither on the
/// number of threads nor on other sets.
void disentangled_attention_backward(const at::Tensor& context_gradient, const DisentangledActivations& saved,
                                     const DisentangledLayout& layout, const Dropout& dropout,
                                     const DisentangledInputs& gradients);

}  // namespace tunescope
