#include "disentangled.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/index.h>

#include <array>

#include "tunescope/kernels/attention/disentangled.hpp"
#include "tunescope/kernels/products/product_rows.hpp"

namespace tunescope {
namespace {

at::Tensor look_up(const Recording& pass, const RowLayout& rows, ParameterIndex table, const EmbeddingIds& ids) {
  const at::Tensor& first = pass.parameters().first(table);
  at::Tensor output = at::empty({rows.row_count(), first.size(1)}, first.options());
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    rows.of_model(output, model)
        .copy_(at::index(pass.parameters().of(model, table), {rows.of_model(ids.of_rows, model)}));
  }
  return output;
}

// The inputs of the kernel, as columns of the tensors that hold them. A tensor of an operation may be undefined: its
// columns are too.
class DisentangledColumns {
 public:
  DisentangledColumns(bool has_own_query, DistanceTerms terms, std::int64_t hidden)
      : has_own_query_(has_own_query), terms_(terms), hidden_(hidden) {}

  DisentangledInputs of(const at::Tensor& tokens, const at::Tensor& query, const at::Tensor& positions) const {
    DisentangledInputs inputs;
    inputs.tokens = has_own_query_
                        ? AttentionInputs{query, tokens}
                        : AttentionInputs{tokens.narrow(1, 0, hidden_), tokens.narrow(1, hidden_, 2 * hidden_)};
    if (!positions.defined()) return inputs;
    if (terms_.position_to_key) inputs.position_query = positions.narrow(1, 0, hidden_);
    if (terms_.query_to_position) {
      inputs.position_key = positions.narrow(1, terms_.position_to_key ? hidden_ : 0, hidden_);
    }
    return inputs;
  }

 private:
  bool has_own_query_;
  DistanceTerms terms_;
  std::int64_t hidden_;
};

}  // namespace

Value embedding_sum(Recording& pass) {
  const RowLayout& rows = pass.tokens();
  const std::vector<ParameterIndex>& tables = pass.tables();
  const std::vector<EmbeddingIds>& ids = pass.layout().ids();
  at::Tensor sum = look_up(pass, rows, tables.front(), ids.front());
  bool needs_table = pass.use(tables.front());
  for (std::size_t i = 1; i < tables.size(); ++i) {
    sum.add_(look_up(pass, rows, tables[i], ids[i]));
    needs_table = pass.use(tables[i]) || needs_table;
  }
  return pass.record(std::move(sum), rows, needs_table,
                     [&pass, &rows, &tables, &ids](std::span<const TypedResult> outputs, Gradients&) {
                       for (std::size_t i = 0; i < tables.size(); ++i) {
                         pass.on_embedding(rows, tables[i], ids[i], outputs.front().own);
                       }
                     });
}

Value distance_embedding(Recording& pass, const std::optional<Norm>& norm) {
  const DistanceRows& distances = pass.layout().distances();
  const RowLayout& rows = distances.rows;
  const ParameterIndex table = pass.distance_table().value();
  const bool needs_table = pass.use(table);
  if (!norm) {
    return pass.record(look_up(pass, rows, table, distances.table_ids), rows, needs_table,
                       [&pass, &distances, table](std::span<const TypedResult> outputs, Gradients&) {
                         pass.on_embedding(distances.rows, table, distances.table_ids, outputs.front().own);
                       });
  }
  const bool needs_norm = pass.use(norm->parameters);
  const std::array lookups = {EmbeddingLookup{pass.parameters().of_each(table), distances.table_ids.of_rows}};
  const LayerNormWeights weights{pass.parameters().of_each(norm->parameters.weight),
                                 pass.parameters().of_each(norm->parameters.bias), norm->epsilon};
  LayerNormActivations saved;
  at::Tensor output = embedding_layer_norm(lookups, weights, rows, {}, saved);
  return pass.record(std::move(output), rows, needs_table || needs_norm,
                     [&pass, &distances, table, parameters = norm->parameters, saved, needs_table](
                         std::span<const TypedResult> outputs, Gradients&) {
                       const RowLayout& own = distances.rows;
                       pass.on_layer_norm(own, parameters, saved, outputs.front().own);
                       if (!needs_table) return;
                       const ResidualGradients of_sum = residual_layer_norm_backward(
                           outputs.front().own, pass.parameters().of_each(parameters.weight), own, {}, saved);
                       pass.on_embedding(own, table, distances.table_ids, of_sum.residual);
                     });
}

Value disentangled_attention(Recording& pass, const Value& tokens, const std::optional<Value>& query,
                             const Value& positions, const DisentangledOptions& options) {
  const RowLayout& rows = query ? *query->rows : *tokens.rows;
  const std::int64_t hidden = tokens.tensor.size(1) / (query ? 2 : 3);
  const DisentangledColumns columns(query.has_value(), options.terms, hidden);
  const at::Tensor rounded = pass.place_for_rounded(rows.row_count(), hidden);
  const AttentionLayout attention{rows, *tokens.rows, options.heads};
  const DistanceRows& distances = pass.layout().distances();
  DisentangledOutput output =
      disentangled_attention(columns.of(tokens.tensor, query ? query->tensor : at::Tensor(), positions.tensor),
                             {attention, distances, options.scale}, options.dropout, rounded);
  const std::optional<GradientSlot> query_slot = query ? query->slot : std::nullopt;
  return pass.record(TypedResult{std::move(output.context), rounded}, rows, tokens.slot || query_slot || positions.slot,
                     [attention, &distances, options, columns, hidden, saved = std::move(output.saved),
                      has_query = query.has_value(), token_slot = tokens.slot, query_slot,
                      position_slot = positions.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       const at::Tensor& context_gradient = outputs.front().own;
                       const auto empty = [&](std::int64_t count, std::int64_t width) {
                         return empty_operand(count, width, context_gradient.options());
                       };
                       const std::int64_t terms = static_cast<std::int64_t>(options.terms.query_to_position) +
                                                  static_cast<std::int64_t>(options.terms.position_to_key);
                       const at::Tensor of_tokens = empty(attention.tokens.row_count(), (has_query ? 2 : 3) * hidden);
                       const at::Tensor of_query =
                           has_query ? empty(attention.queries.row_count(), hidden) : at::Tensor();
                       const at::Tensor of_positions =
                           position_slot ? empty(distances.rows.row_count(), terms * hidden) : at::Tensor();
                       disentangled_attention_backward(context_gradient, saved, {attention, distances, options.scale},
                                                       options.dropout, columns.of(of_tokens, of_query, of_positions));
                       if (token_slot) gradients.add(*token_slot, of_tokens);
                       if (query_slot) gradients.add(*query_slot, of_query);
                       if (position_slot) gradients.add(*position_slot, of_positions);
                     });
}

}  // namespace tunescope
