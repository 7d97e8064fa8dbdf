#include "tunescope/kernels/attention.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "attention_backends.hpp"

namespace tunescope {

std::vector<AttentionSequence> list_sequences(const AttentionLayout& layout) {
  std::vector<AttentionSequence> sequences;
  std::int64_t first_probability = 0;
  for (std::size_t b = 0; b + 1 < layout.sequence_offsets.size(); ++b) {
    const std::int64_t first = layout.sequence_offsets[b];
    const std::int64_t length = layout.sequence_offsets[b + 1] - first;
    sequences.push_back({b, first, length, first_probability});
    first_probability += layout.heads * length * length;
  }
  return sequences;
}

AttentionOutput attention(const at::Tensor& projections, const AttentionLayout& layout, const Dropout& dropout) {
  std::int64_t probability_count = 0;
  for (const AttentionSequence& sequence : list_sequences(layout)) {
    probability_count += layout.heads * sequence.length * sequence.length;
  }
  AttentionOutput output{at::empty({projections.size(0), projections.size(1) / 3}, projections.options()),
                         at::empty({probability_count}, projections.options())};
  const AttentionTensors tensors{projections, output.probabilities, layout, dropout};
  projections.is_cpu() ? cpu::attention(tensors, output.context) : composed::attention(tensors, output.context);
  return output;
}

at::Tensor attention_backward(const at::Tensor& context_gradient, const at::Tensor& probabilities,
                              const at::Tensor& projections, const AttentionLayout& layout, const Dropout& dropout) {
  at::Tensor gradient = at::empty_like(projections);
  const AttentionTensors tensors{projections, probabilities, layout, dropout};
  projections.is_cpu() ? cpu::attention_backward(tensors, context_gradient, gradient)
                       : composed::attention_backward(tensors, context_gradient, gradient);
  return gradient;
}

}  // namespace tunescope
