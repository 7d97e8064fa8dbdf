#pragma once

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

/// C = scale A B: A [m, k], B [k, n], C [m, n] not transposed. The BLAS that LibTorch has in it; inside a parallel
/// region it uses the calling thread alone.
void multiply(const Matrix<const float>& a, const Matrix<const float>& b, const Matrix<float>& c, std::int64_t m,
              std::int64_t n, std::int64_t k, float scale);
void multiply(const Matrix<const double>& a, const Matrix<const double>& b, const Matrix<double>& c, std::int64_t m,
              std::int64_t n, std::int64_t k, double scale);

}  // namespace tunescope::cpu
