#pragma once

#include <vector>

#include "kernels/backends/attention.hpp"
#include "tunescope/kernels/attention/disentangled.hpp"

namespace tunescope {

// The arguments of a backend: see `disentangled_attention`. The forward pass fills `softmax`.
struct DisentangledTensors {
  const DisentangledInputs& inputs;
  const at::Tensor& softmax;
  const DisentangledLayout& layout;
  const Dropout& dropout;
};

using DisentangledForward = void(const DisentangledTensors& tensors, const at::Tensor& context);
using DisentangledBackward = void(const DisentangledTensors& tensors, const at::Tensor& context_gradient,
                                  const DisentangledInputs& gradients);

const Kernel<DisentangledForward>& disentangled_attention_kernel();
const Kernel<DisentangledBackward>& disentangled_attention_backward_kernel();

/// The position rows that one sequence reads, of all distances between a query and a token.
struct DistanceSpan {
  std::int64_t first = 0;      ///< number of the first row
  std::int64_t rows = 0;       ///< one after another
  const std::int64_t* places;  ///< of the distance d, from 1 - tokens to queries - 1: its row is first + places[d]
  bool is_one_to_one = false;  ///< whether each distance has a row of its own: places[d] = d + tokens - 1
};
/// The places are written into `buffer`.
DistanceSpan find_span(const DistanceRows& distances, const AttentionSequence& sequence,
                       std::vector<std::int64_t>& buffer);

namespace cpu {
// Products per sequence and head; positions are added along diagonals, without gathers where distances are one to one.
DisentangledForward disentangled_attention;
DisentangledBackward disentangled_attention_backward;
}  // namespace cpu

namespace aten {
DisentangledForward disentangled_attention;
DisentangledBackward disentangled_attention_backward;
}  // namespace aten

}  // namespace tunescope
