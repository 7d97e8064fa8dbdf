#include "../backends/training/batch_losses.hpp"

#include <ATen/ops/_log_softmax.h>
#include <ATen/ops/full_like.h>

namespace tunescope::aten {
namespace {

// The losses of all examples together, and their gradient.
struct TotalLoss {
  at::Tensor sum, gradient;
};

TotalLoss cross_entropy(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor log_probabilities = at::_log_softmax(logits, 1, false);
  const at::Tensor index = labels.unsqueeze(1);  // [B, 1]
  const at::Tensor sum = log_probabilities.gather(1, index).sum().to(at::kDouble).neg_();
  at::Tensor gradient = log_probabilities.exp();
  gradient.scatter_add_(1, index, at::full_like(index, -1.0, gradient.options()));
  return {sum, gradient};
}

TotalLoss squared_error(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor difference = logits.sub(labels.to(logits.scalar_type()).unsqueeze(1));  // [B, 1]
  return {difference.square().sum().to(at::kDouble), difference.mul(2.0)};
}

}  // namespace

void batch_losses(std::span<const LossBatch> batches, std::span<const at::Tensor> logits_gradients) {
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const auto& [logits, labels, share, loss, accumulate] = batches[i];
    const auto batch_size = static_cast<double>(logits.size(0));
    const auto [sum, gradient] =
        labels.is_floating_point() ? squared_error(logits, labels) : cross_entropy(logits, labels);
    logits_gradients[i].copy_(gradient.div_(batch_size).mul_(share));
    const at::Tensor mean = sum.div_(batch_size).mul_(share);
    accumulate == Accumulate::kYes ? loss.add_(mean) : loss.copy_(mean);
  }
}

}  // namespace tunescope::aten
