#include "tunescope/kernels/attention.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "attention_backends.hpp"

namespace tunescope {

std::vector<AttentionSequence> list_sequences(const AttentionLayout& layout) {
  std::vector<AttentionSequence> sequences;
  std::int64_t first_probability = 0;
  for (std::size_t b = 0; b + 1 < layout.sequence_offsets.size(); ++b) {
    sequences.push_back({.index = b,
                         .first_token = layout.sequence_offsets[b],
                         .tokens = layout.sequence_offsets[b + 1] - layout.sequence_offsets[b],
                         .first_query = layout.query_offsets[b],
                         .queries = layout.query_offsets[b + 1] - layout.query_offsets[b],
                         .first_probability = first_probability});
    first_probability += layout.heads * sequences.back().pairs();
  }
  return sequences;
}

AttentionOutput attention(const AttentionInputs& inputs, const AttentionLayout& layout, const Dropout& dropout) {
  std::int64_t probability_count = 0;
  for (const AttentionSequence& sequence : list_sequences(layout)) probability_count += layout.heads * sequence.pairs();
  AttentionOutput output{at::empty(inputs.query.sizes(), inputs.query.options()),
                         at::empty({probability_count}, inputs.query.options())};
  const AttentionTensors tensors{inputs, output.probabilities, layout, dropout};
  inputs.query.is_cpu() ? cpu::attention(tensors, output.context) : aten::attention(tensors, output.context);
  return output;
}

AttentionInputs attention_backward(const at::Tensor& context_gradient, const at::Tensor& probabilities,
                                   const AttentionInputs& inputs, const AttentionLayout& layout,
                                   const Dropout& dropout) {
  AttentionInputs gradients{at::empty_like(inputs.query), at::empty_like(inputs.key_value)};
  const AttentionTensors tensors{inputs, probabilities, layout, dropout};
  inputs.query.is_cpu() ? cpu::attention_backward(tensors, context_gradient, gradients)
                        : aten::attention_backward(tensors, context_gradient, gradients);
  return gradients;
}

}  // namespace tunescope
