#include "tunescope/kernels/attention.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "backends/attention.hpp"

namespace tunescope {
namespace {

void check_attention(std::string_view kernel, const AttentionInputs& inputs, const AttentionLayout& layout) {
  const auto& [query, key_value] = inputs;
  check_contract(query.dim() == 2 && query.size(0) == layout.queries.row_count(), kernel, "the query is not [Q, H]");
  check_contract(
      key_value.dim() == 2 && key_value.size(0) == layout.tokens.row_count() && key_value.size(1) == 2 * query.size(1),
      kernel, "keys and values are not [T, 2 H]");
  check_contract(query.stride(1) == 1 && key_value.stride(1) == 1, kernel, "the numbers of a row are not contiguous");
  check_contract(query.size(1) % layout.heads == 0, kernel, "H is no multiple of the number of heads");
  check_contract(layout.queries.sequence_count() == layout.tokens.sequence_count(), kernel,
                 "queries and tokens are not of the same sequences");
}

}  // namespace

const Kernel<AttentionForward>& attention_kernel() {
  static const Kernel<AttentionForward> kernel{"attention", aten::attention, cpu::attention};
  return kernel;
}

const Kernel<AttentionBackward>& attention_backward_kernel() {
  static const Kernel<AttentionBackward> kernel{"attention_backward", aten::attention_backward,
                                                cpu::attention_backward};
  return kernel;
}

std::vector<AttentionSequence> list_sequences(const AttentionLayout& layout) {
  std::vector<AttentionSequence> sequences;
  const std::span<const std::int64_t> tokens = layout.tokens.sequence_offsets.host;
  const std::span<const std::int64_t> queries = layout.queries.sequence_offsets.host;
  for (std::size_t b = 0; b + 1 < tokens.size(); ++b) {
    sequences.push_back({.index = b,
                         .first_token = tokens[b],
                         .tokens = tokens[b + 1] - tokens[b],
                         .first_query = queries[b],
                         .queries = queries[b + 1] - queries[b],
                         .first_probability = layout.heads * layout.queries.pair_offsets[b]});
  }
  return sequences;
}

AttentionOutput attention(const AttentionInputs& inputs, const AttentionLayout& layout, const Dropout& dropout) {
  const Kernel<AttentionForward>& kernel = attention_kernel();
  check_attention(kernel.name, inputs, layout);
  AttentionOutput output{at::empty(inputs.query.sizes(), inputs.query.options()),
                         at::empty({layout.heads * layout.queries.pair_offsets.host.back()}, inputs.query.options())};
  if (!has_numbers(output.context)) return output;
  kernel.on(inputs.query.device())({inputs, output.probabilities, layout, dropout}, output.context);
  return output;
}

AttentionInputs attention_backward(const at::Tensor& context_gradient, const at::Tensor& probabilities,
                                   const AttentionInputs& inputs, const AttentionLayout& layout,
                                   const Dropout& dropout) {
  const Kernel<AttentionBackward>& kernel = attention_backward_kernel();
  check_attention(kernel.name, inputs, layout);
  check_contract(context_gradient.sizes() == inputs.query.sizes() && context_gradient.is_contiguous(), kernel.name,
                 "the gradient of the context is not contiguous [Q, H]");
  AttentionInputs gradients{at::empty_like(inputs.query), at::empty_like(inputs.key_value)};
  if (!has_numbers(probabilities)) return gradients;
  kernel.on(inputs.query.device())({inputs, probabilities, layout, dropout}, context_gradient, gradients);
  return gradients;
}

}  // namespace tunescope
