#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace tunescope {

/// What AdamW (decoupled weight decay, Loshchilov and Hutter 2019) changes in one step. All have the same shape.
struct AdamWBuffers {
  at::Tensor values, gradients, first_moments, second_moments;
};

/// The arguments of one step.
struct AdamWStep {
  std::int64_t number = 1;  ///< of the step, from 1: the moments are divided by what is missing in them so far
  double learning_rate = 0.0;
  double weight_decay = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double gradient_factor = 1.0;  ///< gradients are multiplied by it first, in place
};

/// Updates values and moments in place.
void adamw_step_(const AdamWBuffers& buffers, const AdamWStep& step);

}  // namespace tunescope
