#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace tunescope {

// oneDNN compiles a product for each number of rows, in a millisecond and half a megabyte, and the number of tokens of
// a batch is hardly ever the same. So its products compute some rows more than they are asked for, of whatever numbers
// lie in memory behind the matrix. No row of a product depends on another.

/// The number of rows that are computed: at most sixteen different ones between a power of two and the next, so that
/// at most a sixteenth, or seven rows, are computed for nothing.
std::int64_t product_rows(std::int64_t rows);

/// Not filled, [rows, width]; on the CPU with memory behind it for `product_rows(rows)`.
at::Tensor empty_operand(std::int64_t rows, std::int64_t width, const at::TensorOptions& options);
inline at::Tensor empty_operand_like(const at::Tensor& matrix) {
  return empty_operand(matrix.size(0), matrix.size(1), matrix.options());
}

/// The matrix, with rows that are contiguous, as one of `product_rows` rows: a view if there is memory behind it, else
/// a copy.
at::Tensor with_product_rows(const at::Tensor& matrix);

}  // namespace tunescope
