#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/index.h>
#include <ATen/ops/zeros.h>

#include "model/operations/linear_products.hpp"
#include "model/operations/operations.hpp"
#include "tunescope/kernels/attention.hpp"

namespace tunescope {
namespace {

LayerNormWeights weights_of(const ModelParameters& parameters, const Norm& norm) {
  return {parameters.of_each(norm.parameters.weight), parameters.of_each(norm.parameters.bias), norm.epsilon};
}

// For the squares of each row, if anybody wants to see them.
at::Tensor place_for_squares(const DepthObserver* observer, const at::Tensor& rows) {
  return observer == nullptr ? at::Tensor() : at::empty({rows.size(0)}, rows.options());
}

}  // namespace

Value embedding(Recording& pass, const Norm& norm, const Dropout& dropout) {
  const RowLayout& rows = pass.tokens();
  std::vector<EmbeddingLookup> lookups;
  bool needs_table = false;
  for (std::size_t i = 0; i < pass.tables().size(); ++i) {
    lookups.push_back({pass.parameters().of_each(pass.tables()[i]), pass.layout().ids()[i].of_rows});
    needs_table = pass.use(pass.tables()[i]) || needs_table;
  }
  const bool needs_norm = pass.use(norm.parameters);
  LayerNormActivations saved;
  const std::int64_t width = pass.parameters().first(norm.parameters.weight).numel();
  const LayerNormExtras extras{
      .bfloat16 = pass.place_for_rounded(rows.row_count(), width), .output_squares = {}, .branch_squares = {}};
  at::Tensor output = embedding_layer_norm(lookups, weights_of(pass.parameters(), norm), rows, dropout, saved, extras);
  return pass.record(
      TypedResult{std::move(output), extras.bfloat16}, rows, needs_table || needs_norm,
      [&pass, &rows, norm, dropout, saved, needs_table](std::span<const TypedResult> outputs, Gradients&) {
        const at::Tensor& gradient = outputs.front().own;
        apply_dropout_(gradient, rows, dropout);
        pass.on_layer_norm(rows, norm.parameters, saved, gradient);
        if (!needs_table) return;
        const at::Tensor of_sum =
            residual_layer_norm_backward(gradient, pass.parameters().of_each(norm.parameters.weight), rows, {}, saved)
                .residual;
        for (std::size_t i = 0; i < pass.tables().size(); ++i) {
          pass.on_embedding(rows, pass.tables()[i], pass.layout().ids()[i], of_sum);
        }
      });
}

Value attention(Recording& pass, const Value& query, const Value& key_value, std::int64_t heads,
                const Dropout& dropout) {
  const AttentionLayout layout{*query.rows, *key_value.rows, heads};
  const at::Tensor rounded = pass.place_for_rounded(query.tensor.size(0), query.tensor.size(1));
  AttentionOutput output = attention({query.tensor, key_value.tensor}, layout, dropout, rounded);
  return pass.record(TypedResult{std::move(output.context), rounded}, *query.rows, query.slot || key_value.slot,
                     [&pass, layout, dropout, saved = std::move(output.saved), query = query.slot,
                      key_value = key_value.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       const auto& [queries, keys_values] = saved.inputs;
                       const AttentionGradients computed{
                           .of_inputs = {at::empty_like(queries), at::empty_like(keys_values)},
                           .rounded = {pass.place_for_rounded(queries.size(0), queries.size(1)),
                                       pass.place_for_rounded(keys_values.size(0), keys_values.size(1))}};
                       attention_backward(outputs.front().own, saved, layout, dropout, computed);
                       if (query) gradients.add(*query, computed.of_inputs.query, computed.rounded.query);
                       if (key_value) {
                         gradients.add(*key_value, computed.of_inputs.key_value, computed.rounded.key_value);
                       }
                     });
}

Value self_attention(Recording& pass, const Value& query_key_value, std::int64_t heads, const Dropout& dropout) {
  const RowLayout& rows = *query_key_value.rows;
  const std::int64_t hidden = query_key_value.tensor.size(1) / 3;
  const auto columns_of = [hidden](const at::Tensor& all) {
    if (!all.defined()) return AttentionInputs();
    return AttentionInputs{all.narrow(1, 0, hidden), all.narrow(1, hidden, 2 * hidden)};
  };
  const at::Tensor rounded = pass.place_for_rounded(rows.row_count(), hidden);
  AttentionOutput output = attention(columns_of(query_key_value.tensor), {rows, rows, heads}, dropout, rounded);
  return pass.record(TypedResult{std::move(output.context), rounded}, rows, query_key_value.slot.has_value(),
                     [&pass, &rows, heads, dropout, hidden, columns_of, saved = std::move(output.saved),
                      slot = query_key_value.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       const at::Tensor& context_gradient = outputs.front().own;
                       const at::Tensor all = at::empty({rows.row_count(), 3 * hidden}, context_gradient.options());
                       const at::Tensor all_rounded = pass.place_for_rounded(rows.row_count(), 3 * hidden);
                       attention_backward(context_gradient, saved, {rows, rows, heads}, dropout,
                                          {columns_of(all), columns_of(all_rounded)});
                       gradients.add(*slot, all, all_rounded);
                     });
}

// What leaves a feed-forward block is the hidden state of its layer. The kernels of its LayerNorm see the rows anyway.
Value end_of_block(Recording& pass, const BlockEnd& end, const Value& input, const Value& residual) {
  const RowLayout& rows = *input.rows;
  const LayerNormParameters& norm = end.norm.parameters;
  const bool needs_layer = pass.use(end.layer);
  const bool needs_norm = pass.use(norm);
  DepthObserver* const observer = pass.options().observer;
  DepthObserver* const hidden_observer =
      end.branch == DepthPoint::kFeedForwardBranch && end.leaves_layer ? observer : nullptr;
  const at::Tensor operand = pass.operand(input);
  LayerNormActivations saved{.input = linear_without_bias(pass, rows, end.layer, operand), .mean = {}, .rstd = {}};
  const LayerNormExtras extras{.bfloat16 = pass.place_for_rounded(saved.input.size(0), saved.input.size(1)),
                               .output_squares = place_for_squares(hidden_observer, saved.input),
                               .branch_squares = place_for_squares(observer, saved.input)};
  at::Tensor output = residual_layer_norm({pass.parameters().of_each(end.layer.bias), residual.tensor},
                                          weights_of(pass.parameters(), end.norm), rows, end.dropout, saved, extras);
  if (observer != nullptr) observer->on_activation(end.branch, end.depth, extras.branch_squares);
  if (hidden_observer != nullptr) hidden_observer->on_activation(DepthPoint::kHidden, end.depth, extras.output_squares);
  const bool needs_sum = input.slot || residual.slot || needs_layer;
  return pass.record(TypedResult{std::move(output), extras.bfloat16}, rows, needs_sum || needs_norm,
                     [&pass, &rows, end, norm, observer, hidden_observer, saved, needs_sum,
                      factor = pass.factor({&end.layer, 1}, operand), input = input.slot,
                      residual = residual.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       const at::Tensor& gradient = outputs.front().own;
                       pass.on_layer_norm(rows, norm, saved, gradient);
                       if (!needs_sum) {
                         if (hidden_observer != nullptr) {
                           hidden_observer->on_gradient(DepthPoint::kHidden, end.depth, gradient.square().sum(1));
                         }
                         return;
                       }
                       const bool is_multiplied = input || factor.defined();
                       const ResidualGradientExtras extras{
                           .branch_bfloat16 = is_multiplied ? pass.place_for_rounded(gradient.size(0), gradient.size(1))
                                                            : at::Tensor(),
                           .output_squares = place_for_squares(hidden_observer, gradient),
                           .residual_squares = place_for_squares(observer, gradient)};
                       const ResidualGradients of_terms = residual_layer_norm_backward(
                           gradient, pass.parameters().of_each(norm.weight), rows, end.dropout, saved, extras);
                       if (hidden_observer != nullptr) {
                         hidden_observer->on_gradient(DepthPoint::kHidden, end.depth, extras.output_squares);
                       }
                       // As of the other term of the sum.
                       if (observer != nullptr) observer->on_gradient(end.branch, end.depth, extras.residual_squares);
                       const TypedResult branch{of_terms.branch, extras.branch_bfloat16};
                       pass.on_linear(rows, {&end.layer, 1}, factor, branch);
                       if (input) add_input_gradient(pass, rows, {&end.layer, 1}, branch.operand(), gradients[*input]);
                       if (residual) gradients.add(*residual, of_terms.residual);
                     });
}

Value pooled_tokens(Recording& pass, const Value& input) {
  if (input.rows == &pass.sequences()) return input;
  const at::Tensor first_tokens = pass.layout().first_tokens();
  return pass.record(
      at::index(input.tensor, {first_tokens}), pass.sequences(), input.slot.has_value(),
      [&pass, first_tokens, slot = input.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
        const at::Tensor& rows = outputs.front().own;
        at::Tensor& all = gradients[*slot];
        if (!all.defined()) all = at::zeros({pass.tokens().row_count(), rows.size(1)}, rows.options());
        all.index_add_(0, first_tokens, rows);
      });
}

Value observe_hidden(Recording& pass, const Value& hidden, std::size_t layer) {
  DepthObserver* const observer = pass.options().observer;
  if (observer == nullptr) return hidden;
  observer->on_activation(DepthPoint::kHidden, layer, hidden.tensor.square().sum(1));
  return pass.record(TypedResult{hidden.tensor, hidden.bfloat16}, *hidden.rows, hidden.slot.has_value(),
                     [observer, layer, slot = hidden.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       observer->on_gradient(DepthPoint::kHidden, layer, outputs.front().own.square().sum(1));
                       gradients.add(*slot, outputs.front().own);
                     });
}

}  // namespace tunescope
