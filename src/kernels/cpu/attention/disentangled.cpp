#include "kernels/backends/attention/disentangled.hpp"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>

#include "kernels/backends/dropout.hpp"
#include "kernels/cpu/products/blas.hpp"

// The terms of positions are products with all position rows of a sequence: C = Q Pkᵀ [queries, rows] and D = K Pqᵀ
// [tokens, rows]. As neighbouring distances have neighbouring rows, score (q, k) takes C[q, q - k + n - 1] and
// D[k, q - k + n - 1], n tokens: a row of scores takes part of a row of C from its end, and a column of scores part of
// a row of D. In longer sequences several distances share a row, and the places are looked up.

namespace tunescope::cpu {
namespace {

// One sequence's part of the packed tensors, and scratch memory of a thread. `Scalar` is float or double.
template <typename Scalar>
class DisentangledSequence {
 public:
  DisentangledSequence(const DisentangledTensors& tensors, const AttentionSequence& sequence,
                       std::vector<std::int64_t>& places)
      : tensors_(tensors),
        sequence_(sequence),
        hidden_(tensors.inputs.tokens.query.size(1)),
        width_(hidden_ / tensors.layout.attention.heads) {
    if (tensors.layout.distances.ids.size() > 0) span_ = find_span(tensors.layout.distances, sequence, places);
  }

  std::int64_t heads() const { return tensors_.layout.attention.heads; }
  std::int64_t queries() const { return sequence_.queries; }
  std::int64_t tokens() const { return sequence_.tokens; }
  std::int64_t pairs() const { return sequence_.pairs(); }
  std::int64_t width() const { return width_; }
  const DistanceSpan& span() const { return span_; }
  Scalar scale() const { return static_cast<Scalar>(tensors_.layout.scale); }

  // The columns of one head.
  Matrix<const Scalar> query(const at::Tensor& rows, std::int64_t head) const {
    return part(rows, sequence_.first_query, head * width_);
  }
  Matrix<const Scalar> key(const at::Tensor& rows, std::int64_t head) const {
    return part(rows, sequence_.first_token, head * width_);
  }
  Matrix<const Scalar> value(const at::Tensor& rows, std::int64_t head) const {
    return part(rows, sequence_.first_token, hidden_ + head * width_);
  }
  Matrix<const Scalar> position(const at::Tensor& rows, std::int64_t head) const {
    return part(rows, span_.first, head * width_);
  }
  // Of one head, [queries, tokens].
  Matrix<Scalar> scores(const at::Tensor& all, std::int64_t head) const {
    return {all.mutable_data_ptr<Scalar>() + sequence_.first_probability + head * pairs(), tokens()};
  }
  // Of all heads.
  at::Tensor of_all_heads(const at::Tensor& all) const {
    return all.narrow(0, sequence_.first_probability, heads() * pairs()).view({heads(), queries(), tokens()});
  }

  void drop(const at::Tensor& all) const {
    if (tensors_.dropout.probability <= 0.0) return;
    apply_dropout(scores(all, 0).data, {0, heads() * pairs()},
                  dropout_mask(tensors_.layout.attention.tokens.streams, sequence_.index, tensors_.dropout));
  }

 private:
  Matrix<const Scalar> part(const at::Tensor& rows, std::int64_t first, std::int64_t column) const {
    return {rows.const_data_ptr<Scalar>() + first * rows.stride(0) + column, rows.stride(0)};
  }

  const DisentangledTensors& tensors_;
  const AttentionSequence& sequence_;
  std::int64_t hidden_, width_;
  DistanceSpan span_ = {};
};

template <typename Scalar>
Matrix<const Scalar> read_only(const Matrix<Scalar>& matrix) {
  return {matrix.data, matrix.stride};
}
template <typename Scalar>
Matrix<Scalar> writable(const Matrix<const Scalar>& matrix) {
  return {const_cast<Scalar*>(matrix.data), matrix.stride};
}

// Calls `work(scores, C's or D's number)` for the numbers that belong together: `by_query` [queries, rows].
template <typename Scalar, typename Work>
void for_each_pair_by_query(const DisentangledSequence<Scalar>& s, Scalar* scores, Scalar* by_query, Work work) {
  const DistanceSpan& span = s.span();
  for (std::int64_t q = 0; q < s.queries(); ++q) {
    Scalar* const row = scores + q * s.tokens();
    Scalar* const own = by_query + q * span.rows;
    if (span.is_one_to_one) {
      Scalar* const last = own + q + s.tokens() - 1;
      for (std::int64_t k = 0; k < s.tokens(); ++k) work(row[k], last[-k]);
    } else {
      for (std::int64_t k = 0; k < s.tokens(); ++k) work(row[k], own[span.places[q - k]]);
    }
  }
}

// The same for `by_token` [tokens, rows].
template <typename Scalar, typename Work>
void for_each_pair_by_token(const DisentangledSequence<Scalar>& s, Scalar* scores, Scalar* by_token, Work work) {
  const DistanceSpan& span = s.span();
  for (std::int64_t k = 0; k < s.tokens(); ++k) {
    Scalar* const column = scores + k;
    Scalar* const own = by_token + k * span.rows;
    if (span.is_one_to_one) {
      Scalar* const first = own + s.tokens() - 1 - k;
      for (std::int64_t q = 0; q < s.queries(); ++q) work(column[q * s.tokens()], first[q]);
    } else {
      for (std::int64_t q = 0; q < s.queries(); ++q) work(column[q * s.tokens()], own[span.places[q - k]]);
    }
  }
}

constexpr auto kAddToScore = [](auto& score, const auto& position) { score += position; };
constexpr auto kAddToPosition = [](const auto& score, auto& position) { position += score; };

// Memory of a thread, for C or D of one sequence after the other. It grows, for only the buckets of a sequence say how
// many rows it has.
template <typename Scalar>
class DistanceScratch {
 public:
  // Not filled.
  Matrix<Scalar> matrix(std::int64_t rows, std::int64_t columns) {
    const auto count = static_cast<std::size_t>(rows * columns);
    if (numbers_.size() < count) numbers_.resize(count);
    return {numbers_.data(), columns};
  }
  Matrix<Scalar> zeros(std::int64_t rows, std::int64_t columns) {
    const Matrix<Scalar> zeros = matrix(rows, columns);
    std::fill_n(zeros.data, rows * columns, Scalar{0});
    return zeros;
  }

  std::vector<std::int64_t> places = {};

 private:
  std::vector<Scalar> numbers_;
};

template <typename Scalar>
void attend_disentangled(const DisentangledSequence<Scalar>& s, const DisentangledTensors& tensors,
                         const at::Tensor& scores, const at::Tensor& context, DistanceScratch<Scalar>& scratch) {
  const auto& [tokens, position_key, position_query] = tensors.inputs;
  const std::int64_t rows = s.span().rows;
  for (std::int64_t head = 0; head < s.heads(); ++head) {
    const Matrix<Scalar> own = s.scores(scores, head);
    gemm(s.query(tokens.query, head), s.key(tokens.key_value, head).transposed(), own,
         {s.queries(), s.tokens(), s.width()}, s.scale());
    if (position_key.defined()) {
      const Matrix<Scalar> by_query = scratch.matrix(s.queries(), rows);
      gemm(s.query(tokens.query, head), s.position(position_key, head).transposed(), by_query,
           {s.queries(), rows, s.width()}, s.scale());
      for_each_pair_by_query(s, own.data, by_query.data, kAddToScore);
    }
    if (position_query.defined()) {
      const Matrix<Scalar> by_token = scratch.matrix(s.tokens(), rows);
      gemm(s.key(tokens.key_value, head), s.position(position_query, head).transposed(), by_token,
           {s.tokens(), rows, s.width()}, s.scale());
      for_each_pair_by_token(s, own.data, by_token.data, kAddToScore);
    }
  }
  at::Tensor probabilities = s.of_all_heads(tensors.softmax);
  at::_softmax_out(probabilities, s.of_all_heads(scores), -1, false);
  const bool has_dropout = tensors.dropout.probability > 0.0;
  if (has_dropout) {
    s.of_all_heads(scores).copy_(probabilities);
    s.drop(scores);
  }
  for (std::int64_t head = 0; head < s.heads(); ++head) {
    gemm(read_only(s.scores(has_dropout ? scores : tensors.softmax, head)), s.value(tokens.key_value, head),
         writable(s.query(context, head)), {s.queries(), s.width(), s.tokens()}, Scalar{1});
  }
}

// The gradients of what belongs to one sequence alone. Leaves those of the scores, before they are scaled, in
// `of_scores`; `weights` is scratch memory of the same size, for the probabilities after dropout and their gradients.
template <typename Scalar>
void attend_disentangled_backward(const DisentangledSequence<Scalar>& s, const DisentangledTensors& tensors,
                                  const at::Tensor& context_gradient, const at::Tensor& weights,
                                  const at::Tensor& of_scores, const AttentionInputs& gradients,
                                  DistanceScratch<Scalar>& scratch) {
  const auto& [tokens, position_key, position_query] = tensors.inputs;
  const std::int64_t rows = s.span().rows;
  const at::Tensor probabilities = s.of_all_heads(tensors.softmax);
  s.of_all_heads(weights).copy_(probabilities);
  s.drop(weights);
  for (std::int64_t head = 0; head < s.heads(); ++head) {
    const Matrix<const Scalar> gradient = s.query(context_gradient, head);
    const Matrix<Scalar> own = s.scores(weights, head);
    gemm(read_only(own).transposed(), gradient, writable(s.value(gradients.key_value, head)),
         {s.tokens(), s.width(), s.queries()}, Scalar{1});
    gemm(gradient, s.value(tokens.key_value, head).transposed(), own, {s.queries(), s.tokens(), s.width()}, Scalar{1});
  }
  s.drop(weights);
  at::Tensor target = s.of_all_heads(of_scores);
  at::_softmax_backward_data_out(target, s.of_all_heads(weights), probabilities, -1, probabilities.scalar_type());
  for (std::int64_t head = 0; head < s.heads(); ++head) {
    const Matrix<Scalar> own = s.scores(of_scores, head);
    const Matrix<Scalar> of_query = writable(s.query(gradients.query, head));
    const Matrix<Scalar> of_key = writable(s.key(gradients.key_value, head));
    gemm(read_only(own), s.key(tokens.key_value, head), of_query, {s.queries(), s.width(), s.tokens()}, s.scale());
    gemm(read_only(own).transposed(), s.query(tokens.query, head), of_key, {s.tokens(), s.width(), s.queries()},
         s.scale());
    if (position_key.defined()) {
      const Matrix<Scalar> by_query = scratch.zeros(s.queries(), rows);
      for_each_pair_by_query(s, own.data, by_query.data, kAddToPosition);
      gemm(read_only(by_query), s.position(position_key, head), of_query, {s.queries(), s.width(), rows}, s.scale(),
           true);
    }
    if (position_query.defined()) {
      const Matrix<Scalar> by_token = scratch.zeros(s.tokens(), rows);
      for_each_pair_by_token(s, own.data, by_token.data, kAddToPosition);
      gemm(read_only(by_token), s.position(position_query, head), of_key, {s.tokens(), s.width(), rows}, s.scale(),
           true);
    }
  }
}

// Adds what one sequence gives to the gradients of its position rows, for one head.
template <typename Scalar>
void add_to_positions(const DisentangledSequence<Scalar>& s, const DisentangledTensors& tensors,
                      const at::Tensor& of_scores, const DisentangledInputs& gradients, std::int64_t head,
                      DistanceScratch<Scalar>& scratch) {
  const AttentionInputs& tokens = tensors.inputs.tokens;
  const std::int64_t rows = s.span().rows;
  Scalar* const own = s.scores(of_scores, head).data;
  if (gradients.position_key.defined()) {
    const Matrix<Scalar> by_query = scratch.zeros(s.queries(), rows);
    for_each_pair_by_query(s, own, by_query.data, kAddToPosition);
    gemm(read_only(by_query).transposed(), s.query(tokens.query, head),
         writable(s.position(gradients.position_key, head)), {rows, s.width(), s.queries()}, s.scale(), true);
  }
  if (gradients.position_query.defined()) {
    const Matrix<Scalar> by_token = scratch.zeros(s.tokens(), rows);
    for_each_pair_by_token(s, own, by_token.data, kAddToPosition);
    gemm(read_only(by_token).transposed(), s.key(tokens.key_value, head),
         writable(s.position(gradients.position_query, head)), {rows, s.width(), s.tokens()}, s.scale(), true);
  }
}

// Calls `work(index, scratch)` with the indices split over the threads.
template <typename Scalar, typename Work>
void for_each_with_scratch(std::size_t count, Work work) {
  at::parallel_for(0, static_cast<std::int64_t>(count), 1, [&](std::int64_t begin, std::int64_t end) {
    DistanceScratch<Scalar> scratch;
    for (std::int64_t index = begin; index < end; ++index) work(static_cast<std::size_t>(index), scratch);
  });
}

}  // namespace

void disentangled_attention(const DisentangledTensors& tensors, const at::Tensor& context) {
  const std::vector<AttentionSequence> sequences = list_sequences(tensors.layout.attention);
  const at::Tensor scores = at::empty_like(tensors.softmax);
  AT_DISPATCH_FLOATING_TYPES(context.scalar_type(), "disentangled_attention", [&] {
    for_each_with_scratch<scalar_t>(sequences.size(), [&](std::size_t b, DistanceScratch<scalar_t>& scratch) {
      attend_disentangled(DisentangledSequence<scalar_t>(tensors, sequences[b], scratch.places), tensors, scores,
                          context, scratch);
    });
  });
}

// First what belongs to one sequence, with the sequences split over the threads, then the position rows, with sets and
// heads split over them. Either way the order of every sum is the same for any number of threads.
void disentangled_attention_backward(const DisentangledTensors& tensors, const at::Tensor& context_gradient,
                                     const DisentangledInputs& gradients) {
  const std::vector<AttentionSequence> sequences = list_sequences(tensors.layout.attention);
  const at::Tensor weights = at::empty_like(tensors.softmax);
  const at::Tensor of_scores = at::empty_like(tensors.softmax);
  for (const at::Tensor& of_positions : {gradients.position_key, gradients.position_query}) {
    if (of_positions.defined()) of_positions.zero_();
  }
  AT_DISPATCH_FLOATING_TYPES(context_gradient.scalar_type(), "disentangled_attention_backward", [&] {
    for_each_with_scratch<scalar_t>(sequences.size(), [&](std::size_t b, DistanceScratch<scalar_t>& scratch) {
      attend_disentangled_backward(DisentangledSequence<scalar_t>(tensors, sequences[b], scratch.places), tensors,
                                   context_gradient, weights, of_scores, gradients.tokens, scratch);
    });
    if (!gradients.position_key.defined() && !gradients.position_query.defined()) return;
    const LayoutNumbers<std::int64_t>& sets = tensors.layout.distances.set_sequences;
    const auto heads = static_cast<std::size_t>(tensors.layout.attention.heads);
    for_each_with_scratch<scalar_t>((sets.size() - 1) * heads, [&](std::size_t i, DistanceScratch<scalar_t>& scratch) {
      for (std::int64_t b = sets[i / heads]; b < sets[i / heads + 1]; ++b) {
        const DisentangledSequence<scalar_t> sequence(tensors, sequences[static_cast<std::size_t>(b)], scratch.places);
        add_to_positions(sequence, tensors, of_scores, gradients, static_cast<std::int64_t>(i % heads), scratch);
      }
    });
  });
}

}  // namespace tunescope::cpu
