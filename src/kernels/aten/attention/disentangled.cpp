#include "kernels/backends/attention/disentangled.hpp"

#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "probabilities.hpp"

namespace tunescope::aten {
namespace {

// Views of what one sequence reads, with heads as the first dimension.
class DisentangledViews {
 public:
  DisentangledViews(const DisentangledTensors& tensors, const AttentionSequence& sequence)
      : tensors_(tensors),
        sequence_(sequence),
        heads_(tensors.layout.attention.heads),
        hidden_(tensors.inputs.tokens.query.size(1)) {
    if (!has_positions()) return;
    std::vector<std::int64_t> buffer;
    const DistanceRows& rows = tensors.layout.distances;
    const DistanceSpan span = find_span(rows, sequence, buffer);
    first_position_ = span.first;
    positions_ = span.rows;
    const at::TensorOptions whole = at::TensorOptions(at::kLong).device(tensors.softmax.device());
    const auto count = static_cast<std::int64_t>(rows.ids.size());
    const at::Tensor ids = at::from_blob(const_cast<std::int64_t*>(rows.ids.device), {count}, whole);
    const at::Tensor distances =
        at::arange(sequence.queries, whole).unsqueeze(1).sub(at::arange(sequence.tokens, whole).unsqueeze(0));
    // [queries, tokens], the place of each distance among the rows of the sequence.
    places_ = ids.take(distances.add_(count / 2)).sub_(span.first - rows.origins[sequence.index]);
  }

  bool has_positions() const {
    return tensors_.inputs.position_key.defined() || tensors_.inputs.position_query.defined();
  }

  at::Tensor query(const at::Tensor& rows) const { return by_head(rows, sequence_.first_query, sequence_.queries); }
  at::Tensor key(const at::Tensor& rows) const { return by_head(rows, sequence_.first_token, sequence_.tokens); }
  at::Tensor value(const at::Tensor& rows) const {
    return by_head(rows.narrow(1, hidden_, hidden_), sequence_.first_token, sequence_.tokens);
  }
  at::Tensor positions(const at::Tensor& rows) const { return by_head(rows, first_position_, positions_); }
  // [heads, queries, tokens]. `all` is laid out like the probabilities of all sequences.
  at::Tensor scores(const at::Tensor& all) const {
    return all.narrow(0, sequence_.first_probability, heads_ * sequence_.pairs())
        .view({heads_, sequence_.queries, sequence_.tokens});
  }
  // For each query and token, the number of [heads, queries, positions] that is theirs, and of [heads, tokens,
  // positions] in the order of the latter.
  at::Tensor places_by_query() const { return places_.unsqueeze(0).expand({heads_, -1, -1}); }
  at::Tensor places_by_token() const { return places_.t().unsqueeze(0).expand({heads_, -1, -1}); }
  // Sums numbers of pairs into those of [heads, rows, positions] that they came from.
  at::Tensor gather_back(const at::Tensor& of_pairs, const at::Tensor& places) const {
    return at::zeros({heads_, of_pairs.size(1), positions_}, of_pairs.options()).scatter_add_(2, places, of_pairs);
  }

 private:
  at::Tensor by_head(const at::Tensor& rows, std::int64_t first_row, std::int64_t count) const {
    return rows.narrow(0, first_row, count)
        .narrow(1, 0, hidden_)
        .view({count, heads_, hidden_ / heads_})
        .transpose(0, 1);
  }

  const DisentangledTensors& tensors_;
  const AttentionSequence& sequence_;
  std::int64_t heads_, hidden_;
  std::int64_t first_position_ = 0, positions_ = 0;
  at::Tensor places_;
};

}  // namespace

void disentangled_attention(const DisentangledTensors& tensors, const at::Tensor& context) {
  const auto& [tokens, position_key, position_query] = tensors.inputs;
  const std::vector<AttentionSequence> sequences = list_sequences(tensors.layout.attention);
  for (const AttentionSequence& sequence : sequences) {
    const DisentangledViews views(tensors, sequence);
    const at::Tensor query = views.query(tokens.query);
    const at::Tensor key = views.key(tokens.key_value);
    const at::Tensor scores = at::bmm(query, key.transpose(1, 2));
    if (position_key.defined()) {
      const at::Tensor all = at::bmm(query, views.positions(position_key).transpose(1, 2));
      scores.add_(all.gather(2, views.places_by_query()));
    }
    if (position_query.defined()) {
      const at::Tensor all = at::bmm(key, views.positions(position_query).transpose(1, 2));
      scores.add_(all.gather(2, views.places_by_token()).transpose(1, 2));
    }
    at::Tensor probabilities = views.scores(tensors.softmax);
    at::_softmax_out(probabilities, scores.mul_(tensors.layout.scale), -1, false);
  }
  const at::Tensor weights = dropped_probabilities(tensors.softmax, tensors.layout.attention, tensors.dropout);
  for (const AttentionSequence& sequence : sequences) {
    const DisentangledViews views(tensors, sequence);
    views.query(context).copy_(at::bmm(views.scores(weights), views.value(tokens.key_value)));
  }
}

void disentangled_attention_backward(const DisentangledTensors& tensors, const at::Tensor& context_gradient,
                                     const DisentangledInputs& gradients) {
  const auto& [tokens, position_key, position_query] = tensors.inputs;
  const std::vector<AttentionSequence> sequences = list_sequences(tensors.layout.attention);
  const at::Tensor weights = dropped_probabilities(tensors.softmax, tensors.layout.attention, tensors.dropout);
  const at::Tensor weight_gradients = at::empty_like(weights);
  for (const AttentionSequence& sequence : sequences) {
    const DisentangledViews views(tensors, sequence);
    const at::Tensor gradient = views.query(context_gradient);
    views.value(gradients.tokens.key_value).copy_(at::bmm(views.scores(weights).transpose(1, 2), gradient));
    views.scores(weight_gradients).copy_(at::bmm(gradient, views.value(tokens.key_value).transpose(1, 2)));
  }
  drop_probabilities(weight_gradients, tensors.layout.attention, tensors.dropout);
  for (const at::Tensor& of_positions : {gradients.position_key, gradients.position_query}) {
    if (of_positions.defined()) of_positions.zero_();
  }
  for (const AttentionSequence& sequence : sequences) {
    const DisentangledViews views(tensors, sequence);
    const at::Tensor softmax = views.scores(tensors.softmax);
    const at::Tensor of_scores =
        at::_softmax_backward_data(views.scores(weight_gradients), softmax, -1, softmax.scalar_type())
            .mul_(tensors.layout.scale);
    const at::Tensor query = views.query(tokens.query);
    const at::Tensor key = views.key(tokens.key_value);
    const at::Tensor of_query = views.query(gradients.tokens.query).copy_(at::bmm(of_scores, key));
    const at::Tensor of_key = views.key(gradients.tokens.key_value).copy_(at::bmm(of_scores.transpose(1, 2), query));
    if (position_key.defined()) {
      const at::Tensor by_query = views.gather_back(of_scores, views.places_by_query());
      of_query.add_(at::bmm(by_query, views.positions(position_key)));
      if (gradients.position_key.defined()) {
        views.positions(gradients.position_key).add_(at::bmm(by_query.transpose(1, 2), query));
      }
    }
    if (position_query.defined()) {
      const at::Tensor by_token = views.gather_back(of_scores.transpose(1, 2), views.places_by_token());
      of_key.add_(at::bmm(by_token, views.positions(position_query)));
      if (gradients.position_query.defined()) {
        views.positions(gradients.position_query).add_(at::bmm(by_token.transpose(1, 2), key));
      }
    }
  }
}

}  // namespace tunescope::aten
