#pragma once

#include <ATen/core/Tensor.h>

namespace tunescope {

/// A batch's mean loss and its gradient.
struct Loss {
  double value = 0.0;
  at::Tensor logits_gradient;  ///< [B, outputs], of the mean over the batch
};

/// Cross-entropy of `logits` [B, classes] against `labels` [B] int64.
Loss cross_entropy(const at::Tensor& logits, const at::Tensor& labels);

/// Squared error of `logits` [B, 1] against `labels` [B] float32.
Loss squared_error(const at::Tensor& logits, const at::Tensor& labels);

/// The loss that fits the labels of a packed batch: squared error of values, cross-entropy of classes.
Loss batch_loss(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace tunescope
