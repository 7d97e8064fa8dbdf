#pragma once

#include <ATen/core/Tensor.h>

#include <map>

#include "tunescope/model/pretrained.hpp"

namespace tunescope {

/// Rounds the factors of matrix products to bfloat16, those of a pre-trained encoder's linear layers once for all.
class Bfloat16Weights {
 public:
  explicit Bfloat16Weights(const PretrainedModel& model);

  /// A matrix in bfloat16: weights of the encoder, or views of several that follow each other, as they were rounded
  /// before; every other matrix anew.
  at::Tensor round(const at::Tensor& matrix) const;

 private:
  std::map<const void*, at::Tensor> storages_;  // by the address of a storage: all its numbers, rounded
};

/// A matrix as products take it: as it is where there is no `rounded`.
inline at::Tensor matmul_operand(const at::Tensor& matrix, const Bfloat16Weights* rounded) {
  return rounded ? rounded->round(matrix) : matrix;
}

}  // namespace tunescope
