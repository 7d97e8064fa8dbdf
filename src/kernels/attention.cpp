#include "tunescope/kernels/attention.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <array>
#include <cmath>
#include <functional>
#include <vector>

namespace tunescope {
namespace {

// One sequence's place in the packed tensors.
struct Sequence {
  std::int64_t first_token;
  std::int64_t length;
  std::int64_t first_probability;
  DropoutStreams stream;
};

std::vector<Sequence> list_sequences(const AttentionLayout& layout) {
  std::vector<Sequence> sequences;
  std::int64_t first_probability = 0;
  for (std::size_t b = 0; b + 1 < layout.sequence_offsets.size(); ++b) {
    const std::int64_t first = layout.sequence_offsets[b];
    const std::int64_t length = layout.sequence_offsets[b + 1] - first;
    Sequence sequence{first, length, first_probability, {}};
    if (!layout.streams.keys.empty()) {
      sequence.stream = {layout.streams.examples.subspan(b, 1), layout.streams.keys.subspan(b, 1)};
    }
    sequences.push_back(sequence);
    first_probability += layout.heads * length * length;
  }
  return sequences;
}

// On the CPU the sequences are shared out over the threads; ATen's own operations then run on one thread each.
void for_each_sequence(const std::vector<Sequence>& sequences, bool on_cpu,
                       const std::function<void(const Sequence&)>& body) {
  if (!on_cpu) {
    for (const Sequence& sequence : sequences) body(sequence);
    return;
  }
  at::parallel_for(0, static_cast<std::int64_t>(sequences.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) body(sequences[static_cast<std::size_t>(b)]);
  });
}

at::Tensor heads_of(const at::Tensor& packed, const Sequence& sequence, std::int64_t heads) {
  return packed.narrow(0, sequence.first_token, sequence.length)
      .view({sequence.length, heads, packed.size(1) / heads})
      .transpose(0, 1);  // [heads, L, d]
}

at::Tensor probabilities_of(const at::Tensor& all, const Sequence& sequence, std::int64_t heads) {
  return all.narrow(0, sequence.first_probability, heads * sequence.length * sequence.length)
      .view({heads, sequence.length, sequence.length});
}

void drop(const at::Tensor& probabilities, const Sequence& sequence, const Dropout& dropout) {
  const std::array<std::int64_t, 2> offsets = {0, probabilities.numel()};
  apply_dropout_(probabilities, {.offsets = offsets}, sequence.stream, dropout);
}

at::Tensor dropped(const at::Tensor& probabilities, const Sequence& sequence, const Dropout& dropout) {
  if (dropout.probability <= 0.0) return probabilities;
  at::Tensor copy = probabilities.clone();
  drop(copy, sequence, dropout);
  return copy;
}

double score_scale(const at::Tensor& query, std::int64_t heads) {
  return 1.0 / std::sqrt(static_cast<double>(query.size(1) / heads));
}

}  // namespace

AttentionOutput attention(const AttentionInputs& inputs, const AttentionLayout& layout, const Dropout& dropout) {
  const std::vector<Sequence> sequences = list_sequences(layout);
  const std::int64_t heads = layout.heads;
  std::int64_t probability_count = 0;
  for (const Sequence& sequence : sequences) probability_count += heads * sequence.length * sequence.length;
  AttentionOutput output{at::empty_like(inputs.query), at::empty({probability_count}, inputs.query.options())};
  const double scale = score_scale(inputs.query, heads);
  for_each_sequence(sequences, inputs.query.is_cpu(), [&](const Sequence& sequence) {
    const at::Tensor query = heads_of(inputs.query, sequence, heads);
    const at::Tensor key = heads_of(inputs.key, sequence, heads);
    at::Tensor scores = at::bmm(query, key.transpose(1, 2)).mul_(scale);  // [heads, L, L]
    at::Tensor probabilities = probabilities_of(output.probabilities, sequence, heads);
    at::_softmax_out(probabilities, scores, -1, false);
    const at::Tensor weights = dropped(probabilities, sequence, dropout);
    heads_of(output.context, sequence, heads).copy_(at::bmm(weights, heads_of(inputs.value, sequence, heads)));
  });
  return output;
}

AttentionInputs attention_backward(const at::Tensor& context_gradient, const at::Tensor& probabilities,
                                   const AttentionInputs& inputs, const AttentionLayout& layout,
                                   const Dropout& dropout) {
  const std::int64_t heads = layout.heads;
  const double scale = score_scale(inputs.query, heads);
  AttentionInputs gradients{at::empty_like(inputs.query), at::empty_like(inputs.key), at::empty_like(inputs.value)};
  for_each_sequence(list_sequences(layout), inputs.query.is_cpu(), [&](const Sequence& sequence) {
    const at::Tensor gradient = heads_of(context_gradient, sequence, heads);
    const at::Tensor softmax = probabilities_of(probabilities, sequence, heads);
    const at::Tensor weights = dropped(softmax, sequence, dropout);
    heads_of(gradients.value, sequence, heads).copy_(at::bmm(weights.transpose(1, 2), gradient));
    const at::Tensor weight_gradient = at::bmm(gradient, heads_of(inputs.value, sequence, heads).transpose(1, 2));
    drop(weight_gradient, sequence, dropout);
    const at::Tensor score_gradient =
        at::_softmax_backward_data(weight_gradient, softmax, -1, softmax.scalar_type()).mul_(scale);
    heads_of(gradients.query, sequence, heads).copy_(at::bmm(score_gradient, heads_of(inputs.key, sequence, heads)));
    heads_of(gradients.key, sequence, heads)
        .copy_(at::bmm(score_gradient.transpose(1, 2), heads_of(inputs.query, sequence, heads)));
  });
  return gradients;
}

}  // namespace tunescope
