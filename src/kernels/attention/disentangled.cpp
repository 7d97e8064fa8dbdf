#include "tunescope/kernels/attention/disentangled.hpp"

#include <ATen/ops/empty.h>

#include "kernels/backends/attention/disentangled.hpp"
#include "tunescope/kernels/products/product_rows.hpp"

namespace tunescope {
namespace {

bool are_rows_of(const at::Tensor& rows, std::int64_t count, std::int64_t width) {
  return rows.dim() == 2 && rows.size(0) == count && rows.size(1) == width && rows.stride(1) == 1;
}

void check_disentangled(std::string_view kernel, const DisentangledInputs& inputs, const DisentangledLayout& layout) {
  const RowLayout& queries = layout.attention.queries;
  const RowLayout& tokens = layout.attention.tokens;
  const auto& [query, key_value] = inputs.tokens;
  const std::int64_t hidden = query.size(-1);
  check_contract(are_rows_of(query, queries.row_count(), hidden) && hidden % layout.attention.heads == 0, kernel,
                 "the query is not [Q, H] with H a multiple of the number of heads");
  check_contract(are_rows_of(key_value, tokens.row_count(), 2 * hidden), kernel, "keys and values are not [T, 2 H]");
  check_contract(queries.sequence_count() == tokens.sequence_count(), kernel,
                 "queries and tokens are not of the same sequences");
  for (const at::Tensor& positions : {inputs.position_key, inputs.position_query}) {
    check_contract(!positions.defined() || are_rows_of(positions, layout.distances.rows.row_count(), hidden), kernel,
                   "positions are not [R, H]");
  }
}

}  // namespace

const Kernel<DisentangledForward>& disentangled_attention_kernel() {
  static const Kernel<DisentangledForward> kernel{"disentangled_attention", aten::disentangled_attention,
                                                  cpu::disentangled_attention};
  return kernel;
}

const Kernel<DisentangledBackward>& disentangled_attention_backward_kernel() {
  static const Kernel<DisentangledBackward> kernel{
      "disentangled_attention_backward", aten::disentangled_attention_backward, cpu::disentangled_attention_backward};
  return kernel;
}

DistanceSpan find_span(const DistanceRows& distances, const AttentionSequence& sequence,
                       std::vector<std::int64_t>& buffer) {
  const std::span<const std::int64_t> ids = distances.ids.host;
  const auto middle = static_cast<std::int64_t>(ids.size() / 2);  // the distance 0
  const auto id = [&](std::int64_t distance) { return ids[static_cast<std::size_t>(middle + distance)]; };
  const std::int64_t lowest = 1 - sequence.tokens;
  const std::int64_t highest = sequence.queries - 1;
  buffer.clear();
  bool is_one_to_one = true;
  for (std::int64_t distance = lowest; distance <= highest; ++distance) {
    buffer.push_back(id(distance) - id(lowest));
    is_one_to_one = is_one_to_one && buffer.back() == distance - lowest;
  }
  return {.first = distances.origins[sequence.index] + id(lowest),
          .rows = buffer.back() + 1,
          .places = buffer.data() - lowest,
          .is_one_to_one = is_one_to_one};
}

DisentangledOutput disentangled_attention(const DisentangledInputs& inputs, const DisentangledLayout& layout,
                                          const Dropout& dropout, const at::Tensor& rounded) {
  const Kernel<DisentangledForward>& kernel = disentangled_attention_kernel();
  check_disentangled(kernel.name, inputs, layout);
  const at::Tensor& query = inputs.tokens.query;
  const at::Tensor context = empty_operand_like(query);
  const std::int64_t pairs = layout.attention.queries.pair_offsets.host.back();
  const at::Tensor softmax = at::empty({layout.attention.heads * pairs}, query.options());
  if (has_numbers(context)) {
    kernel.on(context.device())({inputs, softmax, layout, dropout}, context);
    if (rounded.defined()) rounded.copy_(context);
  }
  return {context, {inputs, softmax}};
}

void disentangled_attention_backward(const at::Tensor& context_gradient, const DisentangledActivations& saved,
                                     const DisentangledLayout& layout, const Dropout& dropout,
                                     const DisentangledInputs& gradients) {
  const Kernel<DisentangledBackward>& kernel = disentangled_attention_backward_kernel();
  check_disentangled(kernel.name, saved.inputs, layout);
  check_disentangled(kernel.name, gradients, layout);
  check_contract(context_gradient.sizes() == saved.inputs.tokens.query.sizes() && context_gradient.is_contiguous(),
                 kernel.name, "the gradient of the context is not contiguous [Q, H]");
  const auto is_of_a_term = [](const at::Tensor& gradient, const at::Tensor& input) {
    return !gradient.defined() || input.defined();
  };
  check_contract(is_of_a_term(gradients.position_key, saved.inputs.position_key) &&
                     is_of_a_term(gradients.position_query, saved.inputs.position_query),
                 kernel.name, "a gradient of positions is wanted that are not part of the scores");
  if (!has_numbers(context_gradient)) return;
  kernel.on(context_gradient.device())({saved.inputs, saved.softmax, layout, dropout}, context_gradient, gradients);
}

}  // namespace tunescope
