#include "tunescope/kernels/products/product_rows.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <bit>

namespace tunescope {

std::int64_t product_rows(std::int64_t rows) {
  constexpr std::int64_t kSmallestStep = 8;
  const auto power = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(rows)));
  const std::int64_t step = std::max(kSmallestStep, power / 16);
  return (rows + step - 1) / step * step;
}

at::Tensor empty_operand(std::int64_t rows, std::int64_t width, const at::TensorOptions& options) {
  if (!options.device().is_cpu()) return at::empty({rows, width}, options);
  return at::empty({product_rows(rows), width}, options).narrow(0, 0, rows);
}

at::Tensor with_product_rows(const at::Tensor& matrix) {
  const std::int64_t rows = product_rows(matrix.size(0));
  const std::int64_t end = matrix.storage_offset() + (rows - 1) * matrix.stride(0) + matrix.size(1);
  const auto room = static_cast<std::int64_t>(matrix.storage().nbytes() / matrix.element_size());
  if (end <= room) return matrix.as_strided({rows, matrix.size(1)}, matrix.strides());
  const at::Tensor copy = empty_operand_like(matrix);
  copy.copy_(matrix);
  return copy.as_strided({rows, matrix.size(1)}, copy.strides());
}

}  // namespace tunescope
