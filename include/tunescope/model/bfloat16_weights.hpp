#pragma once

#include <ATen/core/Tensor.h>

#include <map>

#include "tunescope/model/pretrained.hpp"

namespace tunescope {

/// Casts the operands of matrix products to bfloat16. A pre-trained encoder's weights are shared by all trials and,
/// while frozen, never change, so they are cast once, here, and looked up from then on; every other operand is cast
/// each time.
class Bfloat16Weights {
 public:
  explicit Bfloat16Weights(const PretrainedModel& model);

  /// `matrix` in bfloat16. If it is a weight of the encoder, or a view of several that are contiguous in memory, the
  /// result is a view of the stored copy.
  at::Tensor cast(const at::Tensor& matrix) const;

 private:
  std::map<const void*, at::Tensor> storages_;  // address of a float32 storage -> its numbers in bfloat16
};

/// The operand that a matrix product takes for `matrix`: cast to bfloat16, or `matrix` itself if `bfloat16_weights` is
/// null.
inline at::Tensor matmul_operand(const at::Tensor& matrix, const Bfloat16Weights* bfloat16_weights) {
  return bfloat16_weights ? bfloat16_weights->cast(matrix) : matrix;
}

}  // namespace tunescope
