#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace tunescope {

/// What AdamW (decoupled weight decay, Loshchilov and Hutter 2019) reads and changes of a model. N numbers.
struct AdamWBuffers {
  at::Tensor values, gradients, first_moments, second_moments;  ///< [N] float32 or float64, contiguous
  std::int64_t decayed_count = 0;                               ///< weight decay applies to the first so many
  /// [decayed_count] bfloat16, contiguous: the decayed values rounded, before the step and after it. Undefined: not
  /// wanted.
  at::Tensor rounded = {};
};

/// The arguments of one step.
struct AdamWStep {
  std::int64_t number = 1;  ///< of the step, from 1: the moments are divided by what is missing in them so far
  double learning_rate = 0.0;
  double weight_decay = 0.0;
  double clip_norm = 0.0;  ///< gradients of a larger norm are scaled down to it; 0 or less: none are
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// One step of one model. The three numbers are on the device of the buffers.
struct AdamWUpdate {
  AdamWBuffers buffers;
  AdamWStep step;
  at::Tensor loss;      ///< float64
  at::Tensor norm;      ///< float64, Euclidean norm of the gradients
  at::Tensor diverged;  ///< int32: see `adamw_step_`
};

/// Updates values and moments of several models in place; the gradients may be scaled in place. They are clipped as by
/// torch.nn.utils.clip_grad_norm_, including its constant. If a model's loss or norm is not finite, its `diverged`
/// becomes 1 and nothing else of it changes, nor in any later step: so the host may read loss and norm long after the
/// step.
void adamw_step_(std::span<const AdamWUpdate> updates);

}  // namespace tunescope
