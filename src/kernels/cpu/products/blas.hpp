#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cstdint>

namespace tunescope::cpu {

/// A row-major matrix whose rows are `stride` numbers apart, used as it is or transposed.
template <typename Scalar>
struct Matrix {
  Scalar* data = nullptr;
  std::int64_t stride = 0;
  bool is_transposed = false;

  Matrix transposed() const { return {data, stride, !is_transposed}; }
};

/// A tensor whose rows or columns are contiguous.
template <typename Scalar>
Matrix<const Scalar> operand_of(const at::Tensor& matrix) {
  const Scalar* const data = matrix.const_data_ptr<Scalar>();
  if (matrix.stride(1) == 1) return {data, std::max(matrix.stride(0), matrix.size(1))};
  return {data, matrix.stride(1), true};
}

/// The sizes of C [m, n], A [m, k] and B [k, n].
struct GemmSize {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
};

/// C = scale A B, or C += scale A B if `is_added`, with C not transposed. Calls the BLAS inside LibTorch, which uses
/// only the calling thread if it is called in a parallel region.
void gemm(const Matrix<const float>& a, const Matrix<const float>& b, const Matrix<float>& c, const GemmSize& size,
          float scale, bool is_added = false);
void gemm(const Matrix<const double>& a, const Matrix<const double>& b, const Matrix<double>& c, const GemmSize& size,
          double scale, bool is_added = false);

/// Whether the BLAS has the bfloat16 product below.
bool has_bfloat16_gemm();

/// The same, summed in float32.
void gemm(const Matrix<const at::BFloat16>& a, const Matrix<const at::BFloat16>& b, const Matrix<float>& c,
          const GemmSize& size, float scale, bool is_added = false);

}  // namespace tunescope::cpu
