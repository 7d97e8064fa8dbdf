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

// The arguments of a backend: see `attention` and `attention_backward`. The forward pass fills `probabilities`.
struct AttentionTensors {
  const AttentionInputs& inputs;
  const at::Tensor& probabilities;
  const AttentionLayout& layout;
  const Dropout& dropout;
};

using AttentionForward = void(const AttentionTensors& tensors, const at::Tensor& context);
using AttentionBackward = void(const AttentionTensors& tensors, const at::Tensor& context_gradient,
                               const AttentionInputs& gradients);

const Kernel<AttentionForward>& attention_kernel();
const Kernel<AttentionBackward>& attention_backward_kernel();

namespace cpu {
// One GEMM for each product and head, on the inputs in place, without copies.
AttentionForward attention;
AttentionBackward attention_backward;
}  // namespace cpu

namespace aten {
AttentionForward attention;
AttentionBackward attention_backward;
}  // namespace aten

}  // namespace tunescope
