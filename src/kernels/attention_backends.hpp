#pragma once

#include <vector>

#include "tunescope/kernels/attention.hpp"

namespace tunescope {

// One sequence's place in the packed tensors.
struct AttentionSequence {
  std::size_t index = 0;
  std::int64_t first_token = 0;
  std::int64_t tokens = 0;
  std::int64_t first_query = 0;
  std::int64_t queries = 0;
  std::int64_t first_probability = 0;

  std::int64_t pairs() const { return queries * tokens; }  // a head's scores
};

std::vector<AttentionSequence> list_sequences(const AttentionLayout& layout);

// What a backend fills and reads; see `attention` and `attention_backward`.
struct AttentionTensors {
  const AttentionInputs& inputs;
  const at::Tensor& probabilities;
  const AttentionLayout& layout;
  const Dropout& dropout;
};

namespace cpu {
// One call of BLAS a product and head, on the inputs where they lie.
void attention(const AttentionTensors& tensors, const at::Tensor& context);
void attention_backward(const AttentionTensors& tensors, const at::Tensor& context_gradient,
                        const AttentionInputs& gradients);
}  // namespace cpu

namespace aten {
// The same from ATen's operations, on any device.
void attention(const AttentionTensors& tensors, const at::Tensor& context);
void attention_backward(const AttentionTensors& tensors, const at::Tensor& context_gradient,
                        const AttentionInputs& gradients);
}  // namespace aten

}  // namespace tunescope
