#pragma once

#include <ATen/core/Tensor.h>

namespace tunescope {

/// The mean loss of a batch and its gradient.
struct Loss {
  at::Tensor mean;             ///< float64, one number, on the device of the logits
  at::Tensor logits_gradient;  ///< [B, outputs], gradient of the mean over the batch

  /// The mean, read from the device: a training step uses `read_numbers` instead.
  double value() const { return mean.item<double>(); }
};

/// Cross-entropy of `logits` [B, classes] against `labels` [B] int64.
Loss cross_entropy(const at::Tensor& logits, const at::Tensor& labels);

/// Squared error of `logits` [B, 1] against `labels` [B] float32.
Loss squared_error(const at::Tensor& logits, const at::Tensor& labels);

/// The loss that fits the labels of a packed batch: squared error for float32 values, cross-entropy for int64 classes.
Loss batch_loss(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace tunescope
