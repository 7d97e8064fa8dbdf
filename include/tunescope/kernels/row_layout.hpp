#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tunescope/kernels/dropout.hpp"

namespace tunescope {

/// Maps each row of a packed tensor to its model and its sequence. The rows of one model, and of one sequence, are
/// contiguous. K models, B sequences, T rows.
struct RowLayout {
  std::span<const std::int64_t> model_offsets;  ///< [K+1]; model k owns rows model_offsets[k] ... model_offsets[k+1]-1
  std::span<const std::int64_t> sequence_offsets;  ///< [B+1]; likewise for sequences
  DropoutStreams streams;                          ///< read only if there is dropout
};

/// A view of the rows of one model in `tensor` [T, ...]: rows offsets[model] ... offsets[model+1]-1.
inline at::Tensor rows_of_model(const at::Tensor& tensor, std::span<const std::int64_t> offsets, std::size_t model) {
  return tensor.narrow(0, offsets[model], offsets[model + 1] - offsets[model]);
}
inline at::Tensor rows_of_model(const at::Tensor& tensor, const RowLayout& rows, std::size_t model) {
  return rows_of_model(tensor, rows.model_offsets, model);
}

/// One parameter in each of K models. Models that share it hold the same tensor object.
using PerModelTensors = std::vector<at::Tensor>;

}  // namespace tunescope
