#pragma once

#include <ATen/ops/zeros.h>

#include "kernels/kernel_cases.hpp"
#include "tunescope/kernels/attention/disentangled.hpp"

namespace tunescope::test {

inline constexpr std::int64_t kNearestDistances = 12;

// Forward, or backward, with both terms of positions and with each.
inline Tensors run_disentangled(const Arguments& a, bool is_backward) {
  const BatchLayout layout = layout_with_distances(a.shape.lengths_by_model, kNearestDistances, a.setting.device);
  const RowLayout& tokens = layout.tokens();
  const std::int64_t positions = layout.distances().rows.row_count();
  Tensors all;
  for (const RowLayout* const queries : {&tokens, &layout.sequences()}) {
    for (const bool has_both : {true, false}) {
      const at::Tensor key_value = a.numbers({tokens.row_count(), 3 * a.width()}).narrow(1, a.width(), 2 * a.width());
      const at::Tensor both = a.numbers({positions, 2 * a.width()});
      DisentangledInputs inputs{{a.numbers({queries->row_count(), a.width()}), key_value},
                                both.narrow(1, 0, a.width()),
                                both.narrow(1, a.width(), a.width())};
      const bool is_key_alone = queries == &tokens;
      if (!has_both) (is_key_alone ? inputs.position_query : inputs.position_key).reset();
      const DisentangledLayout arguments{{*queries, tokens, a.shape.heads}, layout.distances(), 0.3};
      const DisentangledOutput output = disentangled_attention(inputs, arguments, a.dropout());
      all.push_back(output.context);
      if (!is_backward) continue;
      const auto like = [&](const at::Tensor& tensor) { return tensor.defined() ? a.numbers(tensor.sizes()) : tensor; };
      const DisentangledInputs gradients{
          {like(inputs.tokens.query), like(key_value)}, like(inputs.position_key), like(inputs.position_query)};
      disentangled_attention_backward(a.numbers({queries->row_count(), a.width()}), output.saved, arguments,
                                      a.dropout(), gradients);
      for (const at::Tensor& gradient :
           {gradients.tokens.query, gradients.tokens.key_value, gradients.position_key, gradients.position_query}) {
        if (gradient.defined()) all.push_back(gradient);
      }
    }
  }
  return all;
}

inline const std::vector<KernelCase> kDisentangledKernels = {
    {"disentangled_attention", [](const Arguments& a) { return run_disentangled(a, false); }, true},
    {"disentangled_attention_backward", [](const Arguments& a) { return run_disentangled(a, true); }, true},
};

}  // namespace tunescope::test
