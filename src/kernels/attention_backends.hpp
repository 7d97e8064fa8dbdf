#pragma once

#include <vector>

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

namespace cpu {
// One GEMM for each product and head, on the inputs in place, without copies.
void attention(const AttentionTensors& tensors, const at::Tensor& context);
void attention_backward(const AttentionTensors& tensors, const at::Tensor& context_gradient,
                        const AttentionInputs& gradients);
}  // namespace cpu

namespace aten {
// Composed of ATen operations, on any device.
void attention(const AttentionTensors& tensors, const at::Tensor& context);
void attention_backward(const AttentionTensors& tensors, const at::Tensor& context_gradient,
                        const AttentionInputs& gradients);
}  // namespace aten

}  // namespace tunescope
