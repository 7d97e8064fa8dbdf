#include "../backends/attention.hpp"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <vector>

#include "../backends/dropout.hpp"
#include "products/blas.hpp"

namespace tunescope::cpu {
namespace {

// The sequences are split over the threads. Each thread works on whole sequences and has scratch memory for two score
// matrices of the largest sequence.
using SequenceWork = std::function<void(const AttentionSequence& sequence, const at::Tensor& scratch)>;
void for_each_sequence(const AttentionTensors& tensors, const SequenceWork& work) {
  const std::vector<AttentionSequence> sequences = list_sequences(tensors.layout);
  std::int64_t most_pairs = 0;
  for (const AttentionSequence& sequence : sequences) most_pairs = std::max(most_pairs, sequence.pairs());
  at::parallel_for(0, static_cast<std::int64_t>(sequences.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    const at::Tensor scratch = at::empty({2, tensors.layout.heads * most_pairs}, tensors.softmax.options());
    for (std::int64_t b = begin; b < end; ++b) work(sequences[static_cast<std::size_t>(b)], scratch);
  });
}

// A rectangle of the scores of a sequence.
struct ScorePart {
  std::int64_t first_query = 0;
  std::int64_t queries = 0;
  std::int64_t first_token = 0;
  std::int64_t tokens = 0;
};

// With causal attention the scores of a sequence are a triangle, of which products take strips of so many rows or
// columns.
constexpr std::int64_t kStrip = 32;

// Some queries at a time, with all tokens that any of them attends to.
std::vector<ScorePart> parts_by_query(const AttentionLayout& layout, const AttentionSequence& sequence) {
  if (!layout.is_causal) return {{0, sequence.queries, 0, sequence.tokens}};
  std::vector<ScorePart> parts;
  for (std::int64_t first = 0; first < sequence.queries; first += kStrip) {
    const std::int64_t count = std::min(kStrip, sequence.queries - first);
    parts.push_back({first, count, 0, visible_tokens(layout, sequence, first + count - 1)});
  }
  return parts;
}

// Some tokens at a time, with all queries that attend to any of them. If a sequence has one query, that is all.
std::vector<ScorePart> parts_by_token(const AttentionLayout& layout, const AttentionSequence& sequence) {
  if (!layout.is_causal) return {{0, sequence.queries, 0, sequence.tokens}};
  std::vector<ScorePart> parts;
  for (std::int64_t first = 0; first < sequence.tokens; first += kStrip) {
    const std::int64_t query = sequence.queries == sequence.tokens ? first : 0;
    parts.push_back({query, sequence.queries - query, first, std::min(kStrip, sequence.tokens - first)});
  }
  return parts;
}

// Views of one sequence's part of the packed tensors, as matrices for BLAS. `Scalar` is float or double.
template <typename Scalar>
class SequenceMatrices {
 public:
  SequenceMatrices(const AttentionTensors& tensors, const AttentionSequence& sequence, const at::Tensor& scratch)
      : tensors_(tensors),
        sequence_(sequence),
        scratch_(scratch),
        hidden_(tensors.inputs.query.size(1)),
        width_(hidden_ / tensors.layout.heads) {}

  std::int64_t heads() const { return tensors_.layout.heads; }
  Scalar scale() const { return static_cast<Scalar>(tensors_.layout.score_scale(width_)); }
  std::vector<ScorePart> by_query() const { return parts_by_query(tensors_.layout, sequence_); }
  std::vector<ScorePart> by_token() const { return parts_by_token(tensors_.layout, sequence_); }

  // Sizes of the products that give scores [queries, tokens], contexts [queries, d], and keys or values [tokens, d].
  GemmSize scores_size(const ScorePart& part) const { return {part.queries, part.tokens, width_}; }
  GemmSize context_size(const ScorePart& part) const { return {part.queries, width_, part.tokens}; }
  GemmSize key_size(const ScorePart& part) const { return {part.tokens, width_, part.queries}; }

  // The columns of one head, of the queries or tokens of a part. `rows` is laid out like the query (so is the context),
  // or like `key_value`.
  Matrix<const Scalar> query(const at::Tensor& rows, std::int64_t head, const ScorePart& part) const {
    return {rows.const_data_ptr<Scalar>() + query_offset(rows, head, part), rows.stride(0)};
  }
  Matrix<Scalar> into_query(const at::Tensor& rows, std::int64_t head, const ScorePart& part) const {
    return {rows.mutable_data_ptr<Scalar>() + query_offset(rows, head, part), rows.stride(0)};
  }
  Matrix<const Scalar> key(const at::Tensor& rows, std::int64_t head, const ScorePart& part) const {
    return {rows.const_data_ptr<Scalar>() + key_offset(rows, head, part), rows.stride(0)};
  }
  Matrix<Scalar> into_key(const at::Tensor& rows, std::int64_t head, const ScorePart& part) const {
    return {rows.mutable_data_ptr<Scalar>() + key_offset(rows, head, part), rows.stride(0)};
  }
  Matrix<const Scalar> value(const at::Tensor& rows, std::int64_t head, const ScorePart& part) const {
    return {rows.const_data_ptr<Scalar>() + key_offset(rows, head, part) + hidden_, rows.stride(0)};
  }
  Matrix<Scalar> into_value(const at::Tensor& rows, std::int64_t head, const ScorePart& part) const {
    return {rows.mutable_data_ptr<Scalar>() + key_offset(rows, head, part) + hidden_, rows.stride(0)};
  }

  // [heads, queries, tokens]: the probabilities, and the two scratch buffers of the thread.
  at::Tensor probabilities() const { return by_head(tensors_.softmax.narrow(0, sequence_.first_probability, count())); }
  at::Tensor buffer(std::int64_t number) const { return by_head(scratch_[number].narrow(0, 0, count())); }
  // A part of one head of such a tensor.
  Matrix<const Scalar> of(const at::Tensor& scores, std::int64_t head, const ScorePart& part) const {
    return {scores.const_data_ptr<Scalar>() + score_offset(head, part), sequence_.tokens};
  }
  Matrix<Scalar> into(const at::Tensor& scores, std::int64_t head, const ScorePart& part) const {
    return {scores.mutable_data_ptr<Scalar>() + score_offset(head, part), sequence_.tokens};
  }
  // Sets the scores of tokens that a query does not attend to.
  void fill_hidden(const at::Tensor& scores, Scalar value) const {
    if (!tensors_.layout.is_causal) return;
    Scalar* row = scores.mutable_data_ptr<Scalar>();
    for (std::int64_t head = 0; head < heads(); ++head) {
      for (std::int64_t query = 0; query < sequence_.queries; ++query, row += sequence_.tokens) {
        std::fill(row + visible_tokens(tensors_.layout, sequence_, query), row + sequence_.tokens, value);
      }
    }
  }

  bool has_dropout() const { return tensors_.dropout.probability > 0.0; }
  void drop(const at::Tensor& scores) const {
    if (!has_dropout()) return;
    apply_dropout(scores.mutable_data_ptr<Scalar>(), {0, count()},
                  dropout_mask(tensors_.layout.tokens.streams, sequence_.index, tensors_.dropout));
  }
  // The probabilities after dropout: in a scratch buffer, or the probabilities themselves if there is no dropout.
  at::Tensor dropped_probabilities(std::int64_t buffer_number) const {
    if (!has_dropout()) return probabilities();
    at::Tensor dropped = buffer(buffer_number);
    const at::Tensor kept = probabilities();
    std::copy_n(kept.const_data_ptr<Scalar>(), count(), dropped.mutable_data_ptr<Scalar>());
    drop(dropped);
    return dropped;
  }

 private:
  std::int64_t count() const { return heads() * sequence_.pairs(); }
  at::Tensor by_head(const at::Tensor& flat) const { return flat.view({heads(), sequence_.queries, sequence_.tokens}); }
  std::int64_t query_offset(const at::Tensor& rows, std::int64_t head, const ScorePart& part) const {
    return (sequence_.first_query + part.first_query) * rows.stride(0) + head * width_;
  }
  std::int64_t key_offset(const at::Tensor& rows, std::int64_t head, const ScorePart& part) const {
    return (sequence_.first_token + part.first_token) * rows.stride(0) + head * width_;
  }
  std::int64_t score_offset(std::int64_t head, const ScorePart& part) const {
    return head * sequence_.pairs() + part.first_query * sequence_.tokens + part.first_token;
  }

  const AttentionTensors& tensors_;
  const AttentionSequence& sequence_;
  const at::Tensor& scratch_;
  std::int64_t hidden_;
  std::int64_t width_;
};

template <typename Scalar>
void attend(const SequenceMatrices<Scalar>& m, const AttentionInputs& inputs, const at::Tensor& context) {
  const at::Tensor scores = m.buffer(0);
  const std::vector<ScorePart> parts = m.by_query();
  for (std::int64_t head = 0; head < m.heads(); ++head) {
    for (const ScorePart& part : parts) {
      gemm(m.query(inputs.query, head, part), m.key(inputs.key_value, head, part).transposed(),
           m.into(scores, head, part), m.scores_size(part), m.scale());
    }
  }
  m.fill_hidden(scores, -std::numeric_limits<Scalar>::infinity());
  at::Tensor probabilities = m.probabilities();
  at::_softmax_out(probabilities, scores, -1, false);
  const at::Tensor weights = m.dropped_probabilities(0);
  for (std::int64_t head = 0; head < m.heads(); ++head) {
    for (const ScorePart& part : parts) {
      gemm(m.of(weights, head, part), m.value(inputs.key_value, head, part), m.into_query(context, head, part),
           m.context_size(part), Scalar{1});
    }
  }
}

template <typename Scalar>
void attend_backward(const SequenceMatrices<Scalar>& m, const AttentionInputs& inputs,
                     const at::Tensor& context_gradient, const AttentionInputs& gradients) {
  const at::Tensor weights = m.dropped_probabilities(0);
  const at::Tensor weights_gradient = m.buffer(1);
  const std::vector<ScorePart> by_query = m.by_query();
  const std::vector<ScorePart> by_token = m.by_token();
  for (std::int64_t head = 0; head < m.heads(); ++head) {
    for (const ScorePart& part : by_token) {
      gemm(m.of(weights, head, part).transposed(), m.query(context_gradient, head, part),
           m.into_value(gradients.key_value, head, part), m.key_size(part), Scalar{1});
    }
    for (const ScorePart& part : by_query) {
      gemm(m.query(context_gradient, head, part), m.value(inputs.key_value, head, part).transposed(),
           m.into(weights_gradient, head, part), m.scores_size(part), Scalar{1});
    }
  }
  m.fill_hidden(weights_gradient, Scalar{0});
  m.drop(weights_gradient);
  at::Tensor scores_gradient = m.buffer(0);
  const at::Tensor probabilities = m.probabilities();
  at::_softmax_backward_data_out(scores_gradient, weights_gradient, probabilities, -1, probabilities.scalar_type());
  for (std::int64_t head = 0; head < m.heads(); ++head) {
    for (const ScorePart& part : by_query) {
      gemm(m.of(scores_gradient, head, part), m.key(inputs.key_value, head, part),
           m.into_query(gradients.query, head, part), m.context_size(part), m.scale());
    }
    for (const ScorePart& part : by_token) {
      gemm(m.of(scores_gradient, head, part).transposed(), m.query(inputs.query, head, part),
           m.into_key(gradients.key_value, head, part), m.key_size(part), m.scale());
    }
  }
}

}  // namespace

void attention(const AttentionTensors& tensors, const AttentionContext& context) {
  AT_DISPATCH_FLOATING_TYPES(context.full.scalar_type(), "attention", [&] {
    for_each_sequence(tensors, [&](const AttentionSequence& sequence, const at::Tensor& scratch) {
      attend(SequenceMatrices<scalar_t>(tensors, sequence, scratch), tensors.inputs, context.full);
    });
  });
  if (context.rounded.defined()) context.rounded.copy_(context.full);
}

void attention_backward(const AttentionTensors& tensors, const AttentionContextGradient& context_gradient,
                        const AttentionGradients& gradients) {
  AT_DISPATCH_FLOATING_TYPES(context_gradient.of_context.scalar_type(), "attention_backward", [&] {
    for_each_sequence(tensors, [&](const AttentionSequence& sequence, const at::Tensor& scratch) {
      attend_backward(SequenceMatrices<scalar_t>(tensors, sequence, scratch), tensors.inputs,
                      context_gradient.of_context, gradients.of_inputs);
    });
  });
  round_gradients(gradients);
}

}  // namespace tunescope::cpu
