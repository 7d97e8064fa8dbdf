#include "tunescope/kernels/attention.hpp"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/index.h>

#include "model/operations/operations.hpp"
#include "tunescope/kernels/products/product_rows.hpp"

namespace tunescope {
namespace {

AttentionLayout layout_of(const RowLayout& queries, const RowLayout& tokens, const AttentionOptions& options) {
  return {queries, tokens, options.heads, options.is_causal, options.scale};
}

// Of queries, keys and values side by side. Undefined if they are.
AttentionInputs columns_of(const at::Tensor& all) {
  if (!all.defined()) return {};
  const std::int64_t hidden = all.size(1) / 3;
  return {all.narrow(1, 0, hidden), all.narrow(1, hidden, 2 * hidden)};
}

}  // namespace

Value attention(Recording& pass, const Value& query, const Value& key_value, const AttentionOptions& options) {
  const AttentionLayout layout = layout_of(*query.rows, *key_value.rows, options);
  const at::Tensor rounded = pass.place_for_rounded(query.tensor.size(0), query.tensor.size(1));
  AttentionOutput output = attention({query.tensor, key_value.tensor}, layout, options.dropout, rounded);
  return pass.record(TypedResult{std::move(output.context), rounded}, *query.rows, query.slot || key_value.slot,
                     [&pass, layout, dropout = options.dropout, saved = std::move(output.saved), query = query.slot,
                      key_value = key_value.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       const auto& [queries, keys_values] = saved.inputs;
                       const AttentionGradients computed{
                           .of_inputs = {empty_operand_like(queries), empty_operand_like(keys_values)},
                           .rounded = {pass.place_for_rounded(queries.size(0), queries.size(1)),
                                       pass.place_for_rounded(keys_values.size(0), keys_values.size(1))}};
                       attention_backward(outputs.front().own, saved, layout, dropout, computed);
                       if (query) gradients.add(*query, computed.of_inputs.query, computed.rounded.query);
                       if (key_value) {
                         gradients.add(*key_value, computed.of_inputs.key_value, computed.rounded.key_value);
                       }
                     });
}

Value self_attention(Recording& pass, const Value& query_key_value, const AttentionOptions& options) {
  const RowLayout& rows = *query_key_value.rows;
  const std::int64_t width = query_key_value.tensor.size(1);
  const AttentionLayout layout = layout_of(rows, rows, options);
  const at::Tensor rounded = pass.place_for_rounded(rows.row_count(), width / 3);
  AttentionOutput output = attention(columns_of(query_key_value.tensor), layout, options.dropout, rounded);
  return pass.record(
      TypedResult{std::move(output.context), rounded}, rows, query_key_value.slot.has_value(),
      [&pass, layout, width, dropout = options.dropout, saved = std::move(output.saved), slot = query_key_value.slot](
          std::span<const TypedResult> outputs, Gradients& gradients) {
        const at::Tensor& of_context = outputs.front().own;
        const at::Tensor all = empty_operand(of_context.size(0), width, of_context.options());
        const at::Tensor all_rounded = pass.place_for_rounded(of_context.size(0), width);
        attention_backward(of_context, saved, layout, dropout, {columns_of(all), columns_of(all_rounded)});
        gradients.add(*slot, all, all_rounded);
      });
}

Value pooled_attention(Recording& pass, const Value& query_key_value, const AttentionOptions& options) {
  const RowLayout& rows = *query_key_value.rows;
  const auto [queries, key_value] = columns_of(query_key_value.tensor);
  const AttentionLayout layout = layout_of(pass.sequences(), rows, options);
  const at::Tensor tokens = pass.layout().pooled_tokens();
  const at::Tensor rounded = pass.place_for_rounded(pass.sequences().row_count(), queries.size(1));
  AttentionOutput output = attention({at::index(queries, {tokens}), key_value}, layout, options.dropout, rounded);
  return pass.record(
      TypedResult{std::move(output.context), rounded}, pass.sequences(), query_key_value.slot.has_value(),
      [tokens, layout, dropout = options.dropout, saved = std::move(output.saved), slot = query_key_value.slot](
          std::span<const TypedResult> outputs, Gradients& gradients) {
        const at::Tensor& of_context = outputs.front().own;
        const std::int64_t hidden = of_context.size(1);
        const at::Tensor all = empty_operand(layout.tokens.row_count(), 3 * hidden, of_context.options());
        const auto [of_queries, of_key_value] = columns_of(all);
        const at::Tensor of_query = at::empty_like(of_context);
        attention_backward(of_context, saved, layout, dropout, {{of_query, of_key_value}});
        of_queries.zero_();
        of_queries.index_add_(0, tokens, of_query);
        gradients.add(*slot, all);
      });
}

}  // namespace tunescope
