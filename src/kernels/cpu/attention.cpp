#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "../attention_backends.hpp"
#include "../dropout_backends.hpp"
#include "blas.hpp"

namespace tunescope::cpu {
namespace {

// The sequences are shared out over the threads; each works on whole sequences, in memory of its own for two of the
// longest one's score matrices.
using SequenceWork = std::function<void(const AttentionSequence& sequence, const at::Tensor& scratch)>;
void for_each_sequence(const AttentionTensors& tensors, const SequenceWork& work) {
  const std::vector<AttentionSequence> sequences = list_sequences(tensors.layout);
  std::int64_t longest = 0;
  for (const AttentionSequence& sequence : sequences) longest = std::max(longest, sequence.length);
  at::parallel_for(0, static_cast<std::int64_t>(sequences.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    const at::Tensor scratch = at::empty({2, tensors.layout.heads * longest * longest}, tensors.projections.options());
    for (std::int64_t b = begin; b < end; ++b) work(sequences[static_cast<std::size_t>(b)], scratch);
  });
}

// One sequence's matrices. `Scalar` is float or double.
template <typename Scalar>
class SequenceMatrices {
 public:
  SequenceMatrices(const AttentionTensors& tensors, const AttentionSequence& sequence, const at::Tensor& scratch)
      : tensors_(tensors),
        sequence_(sequence),
        scratch_(scratch),
        hidden_(tensors.projections.size(1) / 3),
        width_(hidden_ / tensors.layout.heads),
        projections_(tensors.projections.const_data_ptr<Scalar>()) {}

  std::int64_t heads() const { return tensors_.layout.heads; }
  std::int64_t length() const { return sequence_.length; }
  std::int64_t width() const { return width_; }
  Scalar scale() const { return static_cast<Scalar>(1.0 / std::sqrt(static_cast<double>(width_))); }

  // [L, d] of a head in rows of T.
  Matrix<const Scalar> query(std::int64_t head) const { return input(projections_, 3 * hidden_, 0, head); }
  Matrix<const Scalar> key(std::int64_t head) const { return input(projections_, 3 * hidden_, 1, head); }
  Matrix<const Scalar> value(std::int64_t head) const { return input(projections_, 3 * hidden_, 2, head); }
  Matrix<const Scalar> of_context(const at::Tensor& context, std::int64_t head) const {
    return input(context.const_data_ptr<Scalar>(), hidden_, 0, head);
  }
  Matrix<Scalar> into_context(const at::Tensor& context, std::int64_t head) const {
    return output(context.mutable_data_ptr<Scalar>(), hidden_, 0, head);
  }
  Matrix<Scalar> into_projections(const at::Tensor& gradient, std::int64_t part, std::int64_t head) const {
    return output(gradient.mutable_data_ptr<Scalar>(), 3 * hidden_, part, head);
  }

  // [heads, L, L]: the probabilities, and a thread's two buffers of that size.
  at::Tensor probabilities() const {
    return square(tensors_.probabilities.narrow(0, sequence_.first_probability, count()));
  }
  at::Tensor buffer(std::int64_t number) const { return square(scratch_[number].narrow(0, 0, count())); }
  // [L, L] of a head in one of these.
  Matrix<const Scalar> of(const at::Tensor& squares, std::int64_t head) const {
    return {squares.const_data_ptr<Scalar>() + head * length() * length(), length()};
  }
  Matrix<Scalar> into(const at::Tensor& squares, std::int64_t head) const {
    return {squares.mutable_data_ptr<Scalar>() + head * length() * length(), length()};
  }

  bool has_dropout() const { return tensors_.dropout.probability > 0.0; }
  void drop(const at::Tensor& squares) const {
    if (!has_dropout()) return;
    apply_dropout(squares.mutable_data_ptr<Scalar>(), {0, count()},
                  dropout_mask(tensors_.layout.streams, sequence_.index, tensors_.dropout));
  }
  // The probabilities after dropout, in a buffer where they differ.
  at::Tensor dropped_probabilities(std::int64_t buffer_number) const {
    if (!has_dropout()) return probabilities();
    at::Tensor dropped = buffer(buffer_number);
    const at::Tensor kept = probabilities();
    std::copy_n(kept.const_data_ptr<Scalar>(), count(), dropped.mutable_data_ptr<Scalar>());
    drop(dropped);
    return dropped;
  }

 private:
  std::int64_t count() const { return heads() * length() * length(); }
  at::Tensor square(const at::Tensor& flat) const { return flat.view({heads(), length(), length()}); }
  std::int64_t offset(std::int64_t stride, std::int64_t part, std::int64_t head) const {
    return sequence_.first_token * stride + part * hidden_ + head * width_;
  }
  Matrix<const Scalar> input(const Scalar* data, std::int64_t stride, std::int64_t part, std::int64_t head) const {
    return {data + offset(stride, part, head), stride};
  }
  Matrix<Scalar> output(Scalar* data, std::int64_t stride, std::int64_t part, std::int64_t head) const {
    return {data + offset(stride, part, head), stride};
  }

  const AttentionTensors& tensors_;
  const AttentionSequence& sequence_;
  const at::Tensor& scratch_;
  std::int64_t hidden_;
  std::int64_t width_;
  const Scalar* projections_;
};

template <typename Scalar>
void attend(const SequenceMatrices<Scalar>& m, const at::Tensor& context) {
  const at::Tensor scores = m.buffer(0);
  for (std::int64_t head = 0; head < m.heads(); ++head) {
    multiply(m.query(head), m.key(head).transposed(), m.into(scores, head), {m.length(), m.length(), m.width()},
             m.scale());
  }
  at::Tensor probabilities = m.probabilities();
  at::_softmax_out(probabilities, scores, -1, false);
  const at::Tensor weights = m.dropped_probabilities(0);
  for (std::int64_t head = 0; head < m.heads(); ++head) {
    multiply(m.of(weights, head), m.value(head), m.into_context(context, head), {m.length(), m.width(), m.length()},
             Scalar{1});
  }
}

template <typename Scalar>
void attend_backward(const SequenceMatrices<Scalar>& m, const at::Tensor& context_gradient,
                     const at::Tensor& projections_gradient) {
  const at::Tensor weights = m.dropped_probabilities(0);
  const at::Tensor weights_gradient = m.buffer(1);
  for (std::int64_t head = 0; head < m.heads(); ++head) {
    const auto gradient = m.of_context(context_gradient, head);
    multiply(m.of(weights, head).transposed(), gradient, m.into_projections(projections_gradient, 2, head),
             {m.length(), m.width(), m.length()}, Scalar{1});
    multiply(gradient, m.value(head).transposed(), m.into(weights_gradient, head), {m.length(), m.length(), m.width()},
             Scalar{1});
  }
  m.drop(weights_gradient);
  at::Tensor scores_gradient = m.buffer(0);
  const at::Tensor probabilities = m.probabilities();
  at::_softmax_backward_data_out(scores_gradient, weights_gradient, probabilities, -1, probabilities.scalar_type());
  for (std::int64_t head = 0; head < m.heads(); ++head) {
    const auto gradient = m.of(scores_gradient, head);
    multiply(gradient, m.key(head), m.into_projections(projections_gradient, 0, head),
             {m.length(), m.width(), m.length()}, m.scale());
    multiply(gradient.transposed(), m.query(head), m.into_projections(projections_gradient, 1, head),
             {m.length(), m.width(), m.length()}, m.scale());
  }
}

}  // namespace

void attention(const AttentionTensors& tensors, const at::Tensor& context) {
  AT_DISPATCH_FLOATING_TYPES(context.scalar_type(), "attention", [&] {
    for_each_sequence(tensors, [&](const AttentionSequence& sequence, const at::Tensor& scratch) {
      attend(SequenceMatrices<scalar_t>(tensors, sequence, scratch), context);
    });
  });
}

void attention_backward(const AttentionTensors& tensors, const at::Tensor& context_gradient,
                        const at::Tensor& projections_gradient) {
  AT_DISPATCH_FLOATING_TYPES(context_gradient.scalar_type(), "attention_backward", [&] {
    for_each_sequence(tensors, [&](const AttentionSequence& sequence, const at::Tensor& scratch) {
      attend_backward(SequenceMatrices<scalar_t>(tensors, sequence, scratch), context_gradient, projections_gradient);
    });
  });
}

}  // namespace tunescope::cpu
