#include "tunescope/kernels/attention.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

#include "backends/attention.hpp"
#include "tunescope/kernels/products/product_rows.hpp"

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

void check_targets(std::string_view kernel, const AttentionInputs& targets, const AttentionInputs& inputs) {
  for (const auto& [target, input] : {std::pair(targets.query, inputs.query), {targets.key_value, inputs.key_value}}) {
    check_contract(!target.defined() || (target.sizes() == input.sizes() && target.stride(1) == 1), kernel,
                   "a gradient has not the shape of its input, or the numbers of a row are not contiguous");
  }
}

// The forward and the backward pass must run in the same backend.
template <typename Function>
Function& attention_backend(const Kernel<Function>& kernel, const AttentionInputs& inputs,
                            const AttentionLayout& layout) {
  const bool is_covered = inputs.query.scalar_type() == at::kFloat &&
                          longest_sequence(layout.tokens) <= cuda::kMostAttentionTokens &&
                          inputs.query.size(1) / layout.heads <= cuda::kMostAttentionWidth;
  return kernel.on(inputs.query.device(), {.by_cuda = is_covered});
}

}  // namespace

const Kernel<AttentionForward>& attention_kernel() {
  static const Kernel<AttentionForward> kernel{"attention", aten::attention, cpu::attention, cuda::attention};
  return kernel;
}

const Kernel<AttentionBackward>& attention_backward_kernel() {
  static const Kernel<AttentionBackward> kernel{"attention_backward", aten::attention_backward, cpu::attention_backward,
                                                cuda::attention_backward};
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

void round_gradients(const AttentionGradients& gradients) {
  const auto& [of_inputs, rounded] = gradients;
  if (rounded.query.defined()) rounded.query.copy_(of_inputs.query);
  if (rounded.key_value.defined()) rounded.key_value.copy_(of_inputs.key_value);
}

std::int64_t longest_sequence(const RowLayout& rows) {
  const std::span<const std::int64_t> offsets = rows.sequence_offsets.host;
  std::int64_t longest = 0;
  for (std::size_t b = 0; b + 1 < offsets.size(); ++b) longest = std::max(longest, offsets[b + 1] - offsets[b]);
  return longest;
}

AttentionOutput attention(const AttentionInputs& inputs, const AttentionLayout& layout, const Dropout& dropout,
                          const at::Tensor& rounded) {
  const Kernel<AttentionForward>& kernel = attention_kernel();
  check_attention(kernel.name, inputs, layout);
  check_contract(!rounded.defined() || (rounded.sizes() == inputs.query.sizes() && rounded.stride(1) == 1), kernel.name,
                 "the rounded context is not [Q, H]");
  AttentionForward& compute = attention_backend(kernel, inputs, layout);
  const bool is_cuda = &compute == kernel.cuda;
  const at::TensorOptions options = inputs.query.options();
  const at::Tensor context = empty_operand_like(inputs.query);
  const at::Tensor softmax =
      at::empty({layout.heads * (is_cuda ? inputs.query.size(0) : layout.queries.pair_offsets.host.back())}, options);
  if (has_numbers(context)) compute({inputs, softmax, layout, dropout}, {context, rounded});
  return {context, {inputs, softmax, is_cuda ? context : at::Tensor()}};
}

void attention_backward(const at::Tensor& context_gradient, const AttentionActivations& saved,
                        const AttentionLayout& layout, const Dropout& dropout, const AttentionGradients& gradients) {
  const Kernel<AttentionBackward>& kernel = attention_backward_kernel();
  check_attention(kernel.name, saved.inputs, layout);
  check_contract(context_gradient.sizes() == saved.inputs.query.sizes() && context_gradient.is_contiguous(),
                 kernel.name, "the gradient of the context is not contiguous [Q, H]");
  check_contract(gradients.of_inputs.query.defined() && gradients.of_inputs.key_value.defined(), kernel.name,
                 "there is no place for a gradient");
  check_targets(kernel.name, gradients.of_inputs, saved.inputs);
  check_targets(kernel.name, gradients.rounded, saved.inputs);
  if (!has_numbers(context_gradient)) return;
  AttentionBackward& compute = attention_backend(kernel, saved.inputs, layout);
  check_contract((&compute == kernel.cuda) == saved.context.defined(), kernel.name,
                 "the forward pass ran in another backend");
  compute({saved.inputs, saved.softmax, layout, dropout}, {context_gradient, saved.context}, gradients);
}

}  // namespace tunescope
