#include "../backends/embedding_gradient.hpp"

namespace tunescope::aten {

void embedding_gradients(const at::Tensor& output_gradient, const EmbeddingIds& ids,
                         std::span<const std::int64_t> model_offsets, std::span<const GradientTarget> targets) {
  for (std::size_t model = 0; model < targets.size(); ++model) {
    const at::Tensor& table = targets[model].gradient;
    if (!table.defined()) continue;
    const auto own = [&](const at::Tensor& all) {
      return all.narrow(0, model_offsets[model], model_offsets[model + 1] - model_offsets[model]);
    };
    if (targets[model].accumulate == Accumulate::kNo) table.zero_();
    table.index_add_(0, own(ids.of_rows), own(output_gradient));
  }
}

}  // namespace tunescope::aten
