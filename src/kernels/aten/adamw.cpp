#include "../backends/training/adamw.hpp"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>

#include <optional>

namespace tunescope::aten {
namespace {

struct Range {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

// What the updates of a model's two ranges share.
struct SharedNumbers {
  at::Tensor step;
  std::optional<at::Tensor> divisor;  // of the gradients
  at::Tensor diverged;
};

SharedNumbers shared_numbers(const AdamWUpdate& update, const at::Tensor& diverged) {
  const at::TensorOptions options = update.buffers.values.options().dtype(at::kFloat);
  SharedNumbers shared{.step = at::full({}, static_cast<double>(update.step.number), options),
                       .divisor = std::nullopt,
                       .diverged = diverged.to(at::kFloat)};
  const double clip_norm = update.step.clip_norm;
  if (clip_norm > 0.0) {
    shared.divisor = update.norm.squeeze().add(1e-6).div_(clip_norm).clamp_min_(1.0).to(at::kFloat);
  }
  return shared;
}

void update_range(const AdamWUpdate& update, const Range& range, double weight_decay, const SharedNumbers& shared) {
  if (range.count == 0) return;
  const AdamWBuffers& buffers = update.buffers;
  const AdamWStep& step = update.step;
  const auto part = [&](const at::Tensor& buffer) { return buffer.narrow(0, range.first, range.count); };
  at::_fused_adamw_({part(buffers.values)}, {part(buffers.gradients)}, {part(buffers.first_moments)},
                    {part(buffers.second_moments)}, {}, {shared.step}, step.learning_rate, step.beta1, step.beta2,
                    weight_decay, step.epsilon, false, false, shared.divisor, shared.diverged);
}

}  // namespace

void adamw_step_(std::span<const AdamWUpdate> updates) {
  for (const AdamWUpdate& update : updates) {
    const at::Tensor diverged = update.diverged.squeeze();
    diverged.bitwise_or_(
        update.loss.squeeze().isfinite().logical_and_(update.norm.squeeze().isfinite()).logical_not_());
    const SharedNumbers shared = shared_numbers(update, diverged);
    const auto& [values, gradients, first_moments, second_moments, decayed_count, rounded] = update.buffers;
    update_range(update, {0, decayed_count}, update.step.weight_decay, shared);
    update_range(update, {decayed_count, values.numel() - decayed_count}, 0.0, shared);
    if (rounded.defined()) rounded.copy_(values.narrow(0, 0, decayed_count));
  }
}

}  // namespace tunescope::aten
