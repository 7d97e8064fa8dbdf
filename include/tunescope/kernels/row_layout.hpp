#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tunescope/kernels/dropout.hpp"

namespace tunescope {

/// Whose the rows of a packed tensor are. Each lane and each sequence has rows that follow each other. K lanes, B
/// sequences, T rows.
struct RowLayout {
  std::span<const std::int64_t> model_offsets;     ///< [K+1]
  std::span<const std::int64_t> sequence_offsets;  ///< [B+1]
  DropoutStreams streams;                          ///< not read without dropout
};

/// A lane's part of `tensor` [T, ...], a view; lane k owns rows offsets[k] ... offsets[k+1]-1.
inline at::Tensor rows_of_model(const at::Tensor& tensor, std::span<const std::int64_t> offsets, std::size_t lane) {
  return tensor.narrow(0, offsets[lane], offsets[lane + 1] - offsets[lane]);
}
inline at::Tensor rows_of_model(const at::Tensor& tensor, const RowLayout& rows, std::size_t lane) {
  return rows_of_model(tensor, rows.model_offsets, lane);
}

/// A parameter by lane, the same object where lanes share it.
using PerModelTensors = std::vector<at::Tensor>;

}  // namespace tunescope
