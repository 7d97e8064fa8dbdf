#include "../backends/attention.hpp"

#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty_like.h>

#include <limits>
#include <vector>

#include "attention/probabilities.hpp"

namespace tunescope::aten {
namespace {

// Views of one sequence's part of the packed tensors, with heads as the first dimension.
class SequenceViews {
 public:
  SequenceViews(const AttentionTensors& tensors, const AttentionSequence& sequence)
      : tensors_(tensors), sequence_(sequence), hidden_(tensors.inputs.query.size(1)) {}

  // [heads, queries or tokens, d]. `rows` is laid out like the query (so is the context), or like `key_value`.
  at::Tensor query(const at::Tensor& rows) const { return heads(rows, sequence_.first_query, sequence_.queries, 0); }
  at::Tensor key(const at::Tensor& rows) const { return heads(rows, sequence_.first_token, sequence_.tokens, 0); }
  at::Tensor value(const at::Tensor& rows) const {
    return heads(rows, sequence_.first_token, sequence_.tokens, hidden_);
  }
  // [heads, queries, tokens]. `all` is laid out like the probabilities of all sequences.
  at::Tensor scores(const at::Tensor& all) const {
    return all.narrow(0, sequence_.first_probability, tensors_.layout.heads * sequence_.pairs())
        .view({tensors_.layout.heads, sequence_.queries, sequence_.tokens});
  }
  double scale() const { return tensors_.layout.score_scale(hidden_ / tensors_.layout.heads); }
  void hide_later_tokens(const at::Tensor& scores) const {
    for (std::int64_t query = 0; query < sequence_.queries; ++query) {
      const std::int64_t visible = visible_tokens(tensors_.layout, sequence_, query);
      if (visible == sequence_.tokens) continue;
      scores.narrow(1, query, 1)
          .narrow(2, visible, sequence_.tokens - visible)
          .fill_(-std::numeric_limits<double>::infinity());
    }
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

void attention(const AttentionTensors& tensors, const AttentionContext& context) {
  const auto& [query, key_value] = tensors.inputs;
  const std::vector<AttentionSequence> sequences = list_sequences(tensors.layout);
  for (const AttentionSequence& sequence : sequences) {
    const SequenceViews views(tensors, sequence);
    const at::Tensor scores = at::bmm(views.query(query), views.key(key_value).transpose(1, 2)).mul_(views.scale());
    views.hide_later_tokens(scores);
    at::Tensor probabilities = views.scores(tensors.softmax);
    at::_softmax_out(probabilities, scores, -1, false);
  }
  const at::Tensor weights = dropped_probabilities(tensors.softmax, tensors.layout, tensors.dropout);
  for (const AttentionSequence& sequence : sequences) {
    const SequenceViews views(tensors, sequence);
    views.query(context.full).copy_(at::bmm(views.scores(weights), views.value(key_value)));
  }
  if (context.rounded.defined()) context.rounded.copy_(context.full);
}

void attention_backward(const AttentionTensors& tensors, const AttentionContextGradient& context_gradient,
                        const AttentionGradients& targets) {
  const AttentionInputs& gradients = targets.of_inputs;
  const auto& [query, key_value] = tensors.inputs;
  const std::vector<AttentionSequence> sequences = list_sequences(tensors.layout);
  const at::Tensor weights = dropped_probabilities(tensors.softmax, tensors.layout, tensors.dropout);
  const at::Tensor weight_gradients = at::empty_like(weights);
  for (const AttentionSequence& sequence : sequences) {
    const SequenceViews views(tensors, sequence);
    const at::Tensor gradient = views.query(context_gradient.of_context);
    views.value(gradients.key_value).copy_(at::bmm(views.scores(weights).transpose(1, 2), gradient));
    views.scores(weight_gradients).copy_(at::bmm(gradient, views.value(key_value).transpose(1, 2)));
  }
  drop_probabilities(weight_gradients, tensors.layout, tensors.dropout);
  for (const AttentionSequence& sequence : sequences) {
    const SequenceViews views(tensors, sequence);
    const at::Tensor softmax = views.scores(tensors.softmax);
    const at::Tensor score_gradient =
        at::_softmax_backward_data(views.scores(weight_gradients), softmax, -1, softmax.scalar_type())
            .mul_(views.scale());
    views.query(gradients.query).copy_(at::bmm(score_gradient, views.key(key_value)));
    views.key(gradients.key_value).copy_(at::bmm(score_gradient.transpose(1, 2), views.query(query)));
  }
  round_gradients(targets);
}

}  // namespace tunescope::aten
