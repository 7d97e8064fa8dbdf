#include "blas.hpp"

// The Fortran interface of BLAS: matrices by columns, arguments by address. libtorch_cpu exports it.
extern "C" {
void sgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n, const int* k,
            const float* alpha, const float* a, const int* a_stride, const float* b, const int* b_stride,
            const float* beta, float* c, const int* c_stride);
void dgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n, const int* k,
            const double* alpha, const double* a, const int* a_stride, const double* b, const int* b_stride,
            const double* beta, double* c, const int* c_stride);
}

namespace tunescope::cpu {
namespace {

// By rows, C = A B is Cᵀ = Bᵀ Aᵀ by columns.
template <typename Scalar, typename Gemm>
void multiply_by_columns(Gemm gemm, const Matrix<const Scalar>& a, const Matrix<const Scalar>& b,
                         const Matrix<Scalar>& c, std::int64_t m, std::int64_t n, std::int64_t k, Scalar scale) {
  const auto letter = [](const Matrix<const Scalar>& matrix) { return matrix.is_transposed ? 'T' : 'N'; };
  const auto number = [](std::int64_t value) { return static_cast<int>(value); };
  const char transpose_a = letter(b);
  const char transpose_b = letter(a);
  const int rows = number(n);
  const int columns = number(m);
  const int depth = number(k);
  const int a_stride = number(b.stride);
  const int b_stride = number(a.stride);
  const int c_stride = number(c.stride);
  const Scalar zero = 0;
  gemm(&transpose_a, &transpose_b, &rows, &columns, &depth, &scale, b.data, &a_stride, a.data, &b_stride, &zero, c.data,
       &c_stride);
}

}  // namespace

void multiply(const Matrix<const float>& a, const Matrix<const float>& b, const Matrix<float>& c, std::int64_t m,
              std::int64_t n, std::int64_t k, float scale) {
  multiply_by_columns<float>(sgemm_, a, b, c, m, n, k, scale);
}

void multiply(const Matrix<const double>& a, const Matrix<const double>& b, const Matrix<double>& c, std::int64_t m,
              std::int64_t n, std::int64_t k, double scale) {
  multiply_by_columns<double>(dgemm_, a, b, c, m, n, k, scale);
}

}  // namespace tunescope::cpu
