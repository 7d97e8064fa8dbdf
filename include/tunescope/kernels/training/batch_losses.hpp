#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "tunescope/kernels/matmul.hpp"

namespace tunescope {

/// The outputs of one model for a batch, or for a part of one. B examples.
struct LossBatch {
  at::Tensor logits;  ///< [B, outputs] float32 or float64, contiguous
  /// [B], contiguous: int64 classes, or values of the one output, float32 or of the logits' type. On a GPU nothing
  /// checks that classes are below `outputs`: `load_task` has refused others.
  at::Tensor labels;
  double share = 1.0;  ///< of the examples of the whole batch: the loss and its gradient are multiplied by it
  at::Tensor loss;     ///< float64, one number, on the device of the logits: becomes the loss, or has it added
  Accumulate accumulate = Accumulate::kNo;
};

/// Mean losses of the batches of several models: cross-entropy for classes, squared error for values. Returns the
/// gradients of the logits.
std::vector<at::Tensor> batch_losses(std::span<const LossBatch> batches);

/// The mean loss of a batch and its gradient.
struct Loss {
  at::Tensor mean;             ///< float64, one number, on the device of the logits
  at::Tensor logits_gradient;  ///< [B, outputs], gradient of the mean over the batch

  /// The mean, read from the device.
  double value() const { return mean.item<double>(); }
};

/// The loss of one batch of one model. The labels may be on another device than the logits.
Loss batch_loss(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace tunescope
