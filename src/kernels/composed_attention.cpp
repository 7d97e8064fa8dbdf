#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/bmm.h>

#include <array>
#include <cmath>

#include "attention_backends.hpp"

namespace tunescope::composed {
namespace {

// One sequence's views of the packed tensors, with heads first.
class SequenceViews {
 public:
  SequenceViews(const AttentionTensors& tensors, const AttentionSequence& sequence)
      : tensors_(tensors), sequence_(sequence), hidden_(tensors.inputs.query.size(1)) {}

  // [heads, queries or tokens, d] of tensors laid out as the query or the context, the key, and the value are.
  at::Tensor query(const at::Tensor& rows) const { return heads(rows, sequence_.first_query, sequence_.queries, 0); }
  at::Tensor key(const at::Tensor& rows) const { return heads(rows, sequence_.first_token, sequence_.tokens, 0); }
  at::Tensor value(const at::Tensor& rows) const {
    return heads(rows, sequence_.first_token, sequence_.tokens, hidden_);
  }
  // [heads, queries, tokens]
  at::Tensor probabilities() const {
    return tensors_.probabilities.narrow(0, sequence_.first_probability, tensors_.layout.heads * sequence_.pairs())
        .view({tensors_.layout.heads, sequence_.queries, sequence_.tokens});
  }
  double scale() const { return 1.0 / std::sqrt(static_cast<double>(hidden_ / tensors_.layout.heads)); }

  void drop(const at::Tensor& values) const {
    if (tensors_.dropout.probability <= 0.0) return;
    const std::array<std::int64_t, 2> offsets = {0, values.numel()};
    const DropoutStreams& streams = tensors_.layout.streams;
    apply_dropout_(values, {.offsets = offsets},
                   {streams.examples.subspan(sequence_.index, 1), streams.keys.subspan(sequence_.index, 1)},
                   tensors_.dropout);
  }
  at::Tensor dropped_probabilities() const {
    at::Tensor copy = probabilities().clone();
    drop(copy);
    return copy;
  }

 private:
  at::Tensor heads(const at::Tensor& rows, std::int64_t first_row, std::int64_t count, std::int64_t column) const {
    return rows.narrow(0, first_row, count)
        .narrow(1, column, hidden_)
        .view({count, tensors_.layout.heads, hidden_ / tensors_.layout.heads})
        .transpose(0, 1);
  }

  const AttentionTensors& tensors_;
  const AttentionSequence& sequence_;
  std::int64_t hidden_;
};

}  // namespace

void attention(const AttentionTensors& tensors, const at::Tensor& context) {
  const auto& [query, key_value] = tensors.inputs;
  for (const AttentionSequence& sequence : list_sequences(tensors.layout)) {
    const SequenceViews views(tensors, sequence);
    const at::Tensor scores = at::bmm(views.query(query), views.key(key_value).transpose(1, 2)).mul_(views.scale());
    at::Tensor probabilities = views.probabilities();
    at::_softmax_out(probabilities, scores, -1, false);
    views.query(context).copy_(at::bmm(views.dropped_probabilities(), views.value(key_value)));
  }
}

void attention_backward(const AttentionTensors& tensors, const at::Tensor& context_gradient,
                        const AttentionInputs& gradients) {
  const auto& [query, key_value] = tensors.inputs;
  for (const AttentionSequence& sequence : list_sequences(tensors.layout)) {
    const SequenceViews views(tensors, sequence);
    const at::Tensor gradient = views.query(context_gradient);
    const at::Tensor softmax = views.probabilities();
    views.value(gradients.key_value).copy_(at::bmm(views.dropped_probabilities().transpose(1, 2), gradient));
    const at::Tensor weight_gradient = at::bmm(gradient, views.value(key_value).transpose(1, 2));
    views.drop(weight_gradient);
    const at::Tensor score_gradient =
        at::_softmax_backward_data(weight_gradient, softmax, -1, softmax.scalar_type()).mul_(views.scale());
    views.query(gradients.query).copy_(at::bmm(score_gradient, views.key(key_value)));
    views.key(gradients.key_value).copy_(at::bmm(score_gradient.transpose(1, 2), views.query(query)));
  }
}

}  // namespace tunescope::composed
