#include "tunescope/kernels/embedding_gradient.hpp"

#include <algorithm>
#include <utility>

#include "backends/embedding_gradient.hpp"

namespace tunescope {

const Kernel<EmbeddingGradients>& embedding_gradients_kernel() {
  static const Kernel<EmbeddingGradients> kernel{"embedding_gradients", aten::embedding_gradients, nullptr,
                                                 cuda::embedding_gradients};
  return kernel;
}

void embedding_gradients(const at::Tensor& output_gradient, const EmbeddingIds& ids,
                         std::span<const std::int64_t> model_offsets, std::span<const GradientTarget> targets) {
  const Kernel<EmbeddingGradients>& kernel = embedding_gradients_kernel();
  check_contract(output_gradient.dim() == 2 && output_gradient.is_contiguous() &&
                     ids.of_rows.numel() == output_gradient.size(0) && model_offsets.back() == output_gradient.size(0),
                 kernel.name, "there is not one id and one contiguous row [H] of each model's rows");
  check_contract(model_offsets.size() == targets.size() + 1, kernel.name, "there is not one target for each model");
  for (const auto& [table, accumulate] : targets) {
    check_contract(
        !table.defined() || (table.dim() == 2 && table.is_contiguous() && table.size(1) == output_gradient.size(1)),
        kernel.name, "a target is not contiguous [V, H]");
  }
  if (ids.order) {
    const LayoutNumbers<std::int64_t>& models = ids.order->groups;
    check_contract(
        static_cast<std::int64_t>(ids.order->rows.size()) == output_gradient.size(0) &&
            std::ranges::all_of(models.host, [&](std::int64_t model) { return std::cmp_less(model, targets.size()); }),
        kernel.name, "the order of the ids is not of these rows and models");
  }
  if (!has_numbers(output_gradient)) return;
  const bool by_cuda = ids.order && output_gradient.scalar_type() == at::kFloat;
  kernel.on(output_gradient.device(), {.by_cuda = by_cuda})(output_gradient, ids, model_offsets, targets);
}

}  // namespace tunescope
