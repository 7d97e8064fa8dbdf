#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace tunescope::cpu {

/// A row-major matrix, its rows `stride` numbers apart, read as it is or transposed.
template <typename Scalar>
struct Matrix {
  Scalar* data = nullptr;
  std::int64_t stride = 0;
  bool is_transposed = false;

  Matrix transposed() const { return {data, stride, !is_transposed}; }
};

/// C [m, n] is made of A [m, k] and B [k, n].
struct ProductSize {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
};

/// C = scale A B, C not transposed. The BLAS that LibTorch has in it; inside a parallel region it uses the calling
/// thread alone.
void multiply(const Matrix<const float>& a, const Matrix<const float>& b, const Matrix<float>& c,
              const ProductSize& size, float scale);
void multiply(const Matrix<const double>& a, const Matrix<const double>& b, const Matrix<double>& c,
              const ProductSize& size, double scale);

/// Whether the BLAS can do the following.
bool multiplies_bfloat16();

/// C = A B, or C += A B, summed in float32.
void multiply(const Matrix<const at::BFloat16>& a, const Matrix<const at::BFloat16>& b, const Matrix<float>& c,
              const ProductSize& size, bool is_added);

}  // namespace tunescope::cpu
