#pragma once

#include <vector>

#include "kernel.hpp"
#include "tunescope/kernels/attention.hpp"

namespace tunescope {

// The place of one sequence in the packed tensors.
struct AttentionSequence {
  std::size_t index = 0;
  std::int64_t first_token = 0;
  std::int64_t tokens = 0;
  std::int64_t first_query = 0;
  std::int64_t queries = 0;
  std::int64_t first_probability = 0;

  std::int64_t pairs() const { return queries * tokens; }  // number of attention scores per head
};

std::vector<AttentionSequence> list_sequences(const AttentionLayout& layout);

/// The number of tokens of its sequence, from the first, that a query attends to.
inline std::int64_t visible_tokens(const AttentionLayout& layout, const AttentionSequence& sequence,
                                   std::int64_t query) {
  if (!layout.is_causal) return sequence.tokens;
  const std::int64_t row = sequence.first_query + query;
  const LayoutNumbers<std::int64_t>& tokens = layout.queries.token_rows;
  return (tokens.size() == 0 ? row : tokens[static_cast<std::size_t>(row)]) - sequence.first_token + 1;
}

/// The most rows of a sequence.
std::int64_t longest_sequence(const RowLayout& rows);

// The arguments of a backend: see `attention` and `attention_backward`. The forward pass fills `softmax`.
struct AttentionTensors {
  const AttentionInputs& inputs;
  const at::Tensor& softmax;
  const AttentionLayout& layout;
  const Dropout& dropout;
};

// Both are of one shape; `rounded` may be undefined.
struct AttentionContext {
  const at::Tensor& full;
  const at::Tensor& rounded;
};
struct AttentionContextGradient {
  const at::Tensor& of_context;
  const at::Tensor& context;  // of the forward pass; undefined unless the backend is CUDA's
};

using AttentionForward = void(const AttentionTensors& tensors, const AttentionContext& context);
using AttentionBackward = void(const AttentionTensors& tensors, const AttentionContextGradient& gradient,
                               const AttentionGradients& gradients);

const Kernel<AttentionForward>& attention_kernel();
const Kernel<AttentionBackward>& attention_backward_kernel();

/// Fills in the gradients in bfloat16 that are wanted, from the others.
void round_gradients(const AttentionGradients& gradients);

namespace cpu {
// One GEMM for each product and head, on the inputs in place, without copies.
AttentionForward attention;
AttentionBackward attention_backward;
}  // namespace cpu

namespace cuda {
// One launch forward and two backward, in float32. Null in a build without CUDA.
extern AttentionForward* const attention;
extern AttentionBackward* const attention_backward;
// The longest sequence, and the widest head.
inline constexpr std::int64_t kMostAttentionTokens = 2048;
inline constexpr std::int64_t kMostAttentionWidth = 128;
}  // namespace cuda

namespace aten {
AttentionForward attention;
AttentionBackward attention_backward;
}  // namespace aten

}  // namespace tunescope
