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

}  // namespace

Value embedding(Recording& pass, std::vector<TableLookup> lookups, const Norm& norm, const Dropout& dropout) {
  const RowLayout& rows = pass.tokens();
  std::vector<EmbeddingLookup> tables;
  bool needs_table = false;
  for (const TableLookup& lookup : lookups) {
    tables.push_back({pass.parameters().of_each(lookup.table), lookup.ids});
    needs_table = pass.use(lookup.table) || needs_table;
  }
  const bool needs_norm = pass.use(norm.parameters);
  LayerNormActivations saved;
  at::Tensor output = embedding_layer_norm(tables, weights_of(pass.parameters(), norm), rows, dropout, saved);
  return pass.record(std::move(output), rows, needs_table || needs_norm,
                     [&pass, &rows, lookups = std::move(lookups), norm, dropout, saved, needs_table](
                         std::span<const at::Tensor> outputs, Gradients&) {
                       const at::Tensor& gradient = outputs.front();
                       apply_dropout_(gradient, rows, dropout);
                       pass.on_layer_norm(rows, norm.parameters, saved, gradient);
                       if (!needs_table) return;
                       const at::Tensor of_sum =
                           residual_layer_norm_backward(gradient, pass.parameters().of_each(norm.parameters.weight),
                                                        rows, {}, saved)
                               .residual;
                       for (const TableLookup& lookup : lookups)
                         pass.on_embedding(rows, lookup.table, lookup.ids, of_sum);
                     });
}

Value attention(Recording& pass, const Value& query, const Value& key_value, std::int64_t heads,
                const Dropout& dropout) {
  const AttentionLayout layout{*query.rows, *key_value.rows, heads};
  AttentionOutput output = attention({query.tensor, key_value.tensor}, layout, dropout);
  return pass.record(
      std::move(output.context), *query.rows, query.slot || key_value.slot,
      [layout, dropout, saved = std::move(output.saved), query = query.slot, key_value = key_value.slot](
          std::span<const at::Tensor> outputs, Gradients& gradients) {
        const AttentionInputs of_inputs{at::empty_like(saved.inputs.query), at::empty_like(saved.inputs.key_value)};
        attention_backward(outputs.front(), saved, layout, dropout, {of_inputs});
        if (query) gradients.add(*query, of_inputs.query);
        if (key_value) gradients.add(*key_value, of_inputs.key_value);
      });
}

Value self_attention(Recording& pass, const Value& query_key_value, std::int64_t heads, const Dropout& dropout) {
  const RowLayout& rows = *query_key_value.rows;
  const auto columns_of = [](const at::Tensor& all) {
    const std::int64_t hidden = all.size(1) / 3;
    return AttentionInputs{all.narrow(1, 0, hidden), all.narrow(1, hidden, 2 * hidden)};
  };
  AttentionOutput output = attention(columns_of(query_key_value.tensor), {rows, rows, heads}, dropout);
  return pass.record(std::move(output.context), rows, query_key_value.slot.has_value(),
                     [&rows, heads, dropout, columns_of, saved = std::move(output.saved), slot = query_key_value.slot](
                         std::span<const at::Tensor> outputs, Gradients& gradients) {
                       const at::Tensor& context_gradient = outputs.front();
                       const at::Tensor all = at::empty({context_gradient.size(0), 3 * context_gradient.size(1)},
                                                        context_gradient.options());
                       attention_backward(context_gradient, saved, {rows, rows, heads}, dropout, {columns_of(all)});
                       gradients.add(*slot, all);
                     });
}

Value end_of_block(Recording& pass, const BlockEnd& end, const Value& input, const Value& residual) {
  const RowLayout& rows = *input.rows;
  const LayerNormParameters& norm = end.norm.parameters;
  const bool needs_layer = pass.use(end.layer);
  const bool needs_norm = pass.use(norm);
  LayerNormActivations saved{.input = linear_without_bias(pass, rows, end.layer, input.tensor), .mean = {}, .rstd = {}};
  at::Tensor output = residual_layer_norm({pass.parameters().of_each(end.layer.bias), residual.tensor},
                                          weights_of(pass.parameters(), end.norm), rows, end.dropout, saved);
  DepthObserver* const observer = pass.options().observer;
  if (observer != nullptr) observer->on_activation(end.branch, end.depth, saved.input.sub(residual.tensor));
  const bool needs_sum = input.slot || residual.slot || needs_layer;
  return pass.record(
      std::move(output), rows, needs_sum || needs_norm,
      [&pass, &rows, end, norm, observer, saved, needs_sum, factor = pass.factor({&end.layer, 1}, input.tensor),
       input = input.slot, residual = residual.slot](std::span<const at::Tensor> outputs, Gradients& gradients) {
        pass.on_layer_norm(rows, norm, saved, outputs.front());
        if (!needs_sum) return;
        const ResidualGradients of_terms = residual_layer_norm_backward(
            outputs.front(), pass.parameters().of_each(norm.weight), rows, end.dropout, saved);
        if (observer != nullptr)
          observer->on_gradient(end.branch, end.depth, of_terms.residual);  // as of the other term of the sum
        pass.on_linear(rows, {&end.layer, 1}, factor, of_terms.branch);
        if (input) add_input_gradient(pass, rows, {&end.layer, 1}, of_terms.branch, gradients[*input]);
        if (residual) gradients.add(*residual, of_terms.residual);
      });
}

Value pooled_tokens(Recording& pass, const Value& input) {
  if (input.rows == &pass.sequences()) return input;
  const at::Tensor& first_tokens = pass.batch().first_tokens;
  return pass.record(at::index(input.tensor, {first_tokens}), pass.sequences(), input.slot.has_value(),
                     [&pass, slot = input.slot](std::span<const at::Tensor> outputs, Gradients& gradients) {
                       const at::Tensor& rows = outputs.front();
                       at::Tensor& all = gradients[*slot];
                       if (!all.defined()) all = at::zeros({pass.batch().token_count(), rows.size(1)}, rows.options());
                       all.index_add_(0, pass.batch().first_tokens, rows);
                     });
}

Value observe_hidden(Recording& pass, const Value& hidden, std::size_t layer) {
  DepthObserver* const observer = pass.options().observer;
  if (observer == nullptr) return hidden;
  observer->on_activation(DepthPoint::kHidden, layer, hidden.tensor);
  return pass.record(hidden.tensor, *hidden.rows, hidden.slot.has_value(),
                     [observer, layer, slot = hidden.slot](std::span<const at::Tensor> outputs, Gradients& gradients) {
                       observer->on_gradient(DepthPoint::kHidden, layer, outputs.front());
                       gradients.add(*slot, outputs.front());
                     });
}

}  // namespace tunescope
