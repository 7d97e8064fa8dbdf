#include "blas.hpp"

// The Fortran interface of BLAS, which libtorch_cpu exports. Matrices are column-major; arguments are passed by
// address.
extern "C" {
void sgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n, const int* k,
            const float* alpha, const float* a, const int* a_stride, const float* b, const int* b_stride,
            const float* beta, float* c, const int* c_stride);
void dgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n, const int* k,
            const double* alpha, const double* a, const int* a_stride, const double* b, const int* b_stride,
            const double* beta, double* c, const int* c_stride);
// An extension of MKL; null if LibTorch has another BLAS.
[[gnu::weak]] void gemm_bf16bf16f32_(const char* transpose_a, const char* transpose_b, const int* m, const int* n,
                                     const int* k, const float* alpha, const at::BFloat16* a, const int* a_stride,
                                     const at::BFloat16* b, const int* b_stride, const float* beta, float* c,
                                     const int* c_stride);
}

namespace tunescope::cpu {
namespace {

// Row-major C = alpha A B + beta C is column-major Cᵀ = alpha Bᵀ Aᵀ + beta Cᵀ, so A and B trade places.
template <typename Gemm, typename Operand, typename Scalar>
void column_major_gemm(Gemm routine, const Matrix<const Operand>& a, const Matrix<const Operand>& b,
                       const Matrix<Scalar>& c, const GemmSize& size, Scalar alpha, Scalar beta) {
  const auto letter = [](const Matrix<const Operand>& matrix) { return matrix.is_transposed ? 'T' : 'N'; };
  const auto number = [](std::int64_t value) { return static_cast<int>(value); };
  const char transpose_a = letter(b);
  const char transpose_b = letter(a);
  const int rows = number(size.n);
  const int columns = number(size.m);
  const int depth = number(size.k);
  const int a_stride = number(b.stride);
  const int b_stride = number(a.stride);
  const int c_stride = number(c.stride);
  routine(&transpose_a, &transpose_b, &rows, &columns, &depth, &alpha, b.data, &a_stride, a.data, &b_stride, &beta,
          c.data, &c_stride);
}

}  // namespace

void gemm(const Matrix<const float>& a, const Matrix<const float>& b, const Matrix<float>& c, const GemmSize& size,
          float scale, bool is_added) {
  column_major_gemm(sgemm_, a, b, c, size, scale, is_added ? 1.0F : 0.0F);
}

void gemm(const Matrix<const double>& a, const Matrix<const double>& b, const Matrix<double>& c, const GemmSize& size,
          double scale, bool is_added) {
  column_major_gemm(dgemm_, a, b, c, size, scale, is_added ? 1.0 : 0.0);
}

bool has_bfloat16_gemm() { return gemm_bf16bf16f32_ != nullptr; }

void gemm(const Matrix<const at::BFloat16>& a, const Matrix<const at::BFloat16>& b, const Matrix<float>& c,
          const GemmSize& size, float scale, bool is_added) {
  column_major_gemm(gemm_bf16bf16f32_, a, b, c, size, scale, is_added ? 1.0F : 0.0F);
}

}  // namespace tunescope::cpu
