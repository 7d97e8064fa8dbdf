#include "tunescope/train/loss.hpp"

#include <ATen/ops/_log_softmax.h>
#include <ATen/ops/full_like.h>

namespace tunescope {

Loss cross_entropy(const at::Tensor& logits, const at::Tensor& labels) {
  const auto batch_size = static_cast<double>(logits.size(0));
  const at::Tensor log_probabilities = at::_log_softmax(logits, 1, false);
  const at::Tensor index = labels.unsqueeze(1);  // [B, 1]
  const at::Tensor mean = log_probabilities.gather(1, index).sum().to(at::kDouble).neg_().div_(batch_size);
  at::Tensor gradient = log_probabilities.exp();
  gradient.scatter_add_(1, index, at::full_like(index, -1.0, gradient.options()));
  return {mean, gradient.div_(batch_size)};
}

Loss squared_error(const at::Tensor& logits, const at::Tensor& labels) {
  const auto batch_size = static_cast<double>(logits.size(0));
  const at::Tensor difference = logits.sub(labels.to(logits.scalar_type()).unsqueeze(1));  // [B, 1]
  return {difference.square().sum().to(at::kDouble).div_(batch_size), difference.mul(2.0 / batch_size)};
}

Loss batch_loss(const at::Tensor& logits, const at::Tensor& labels) {
  return labels.is_floating_point() ? squared_error(logits, labels) : cross_entropy(logits, labels);
}

}  // namespace tunescope
