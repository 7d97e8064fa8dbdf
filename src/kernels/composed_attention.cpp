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
      : tensors_(tensors), sequence_(sequence), hidden_(tensors.projections.size(1) / 3) {}

  // [heads, L, d] of `rows` [T, ...], from a column on.
  at::Tensor heads(const at::Tensor& rows, std::int64_t first_column) const {
    return rows.narrow(0, sequence_.first_token, sequence_.length)
        .narrow(1, first_column, hidden_)
        .view({sequence_.length, tensors_.layout.heads, hidden_ / tensors_.layout.heads})
        .transpose(0, 1);
  }
  at::Tensor query(const at::Tensor& rows) const { return heads(rows, 0); }
  at::Tensor key(const at::Tensor& rows) const { return heads(rows, hidden_); }
  at::Tensor value(const at::Tensor& rows) const { return heads(rows, 2 * hidden_); }
  // [heads, L, L]
  at::Tensor probabilities() const {
    const std::int64_t length = sequence_.length;
    return tensors_.probabilities.narrow(0, sequence_.first_probability, tensors_.layout.heads * length * length)
        .view({tensors_.layout.heads, length, length});
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
  const AttentionTensors& tensors_;
  const AttentionSequence& sequence_;
  std::int64_t hidden_;
};

}  // namespace

void attention(const AttentionTensors& tensors, const at::Tensor& context) {
  const at::Tensor& projections = tensors.projections;
  for (const AttentionSequence& sequence : list_sequences(tensors.layout)) {
    const SequenceViews views(tensors, sequence);
    const at::Tensor scores =
        at::bmm(views.query(projections), views.key(projections).transpose(1, 2)).mul_(views.scale());
    at::Tensor probabilities = views.probabilities();
    at::_softmax_out(probabilities, scores, -1, false);
    views.heads(context, 0).copy_(at::bmm(views.dropped_probabilities(), views.value(projections)));
  }
}

void attention_backward(const AttentionTensors& tensors, const at::Tensor& context_gradient,
                        const at::Tensor& projections_gradient) {
  const at::Tensor& projections = tensors.projections;
  for (const AttentionSequence& sequence : list_sequences(tensors.layout)) {
    const SequenceViews views(tensors, sequence);
    const at::Tensor gradient = views.heads(context_gradient, 0);
    const at::Tensor softmax = views.probabilities();
    views.value(projections_gradient).copy_(at::bmm(views.dropped_probabilities().transpose(1, 2), gradient));
    const at::Tensor weight_gradient = at::bmm(gradient, views.value(projections).transpose(1, 2));
    views.drop(weight_gradient);
    const at::Tensor score_gradient =
        at::_softmax_backward_data(weight_gradient, softmax, -1, softmax.scalar_type()).mul_(views.scale());
    views.query(projections_gradient).copy_(at::bmm(score_gradient, views.key(projections)));
    views.key(projections_gradient).copy_(at::bmm(score_gradient.transpose(1, 2), views.query(projections)));
  }
}

}  // namespace tunescope::composed
