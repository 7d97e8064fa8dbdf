#include <sys/mman.h>

#include <cstddef>
#include <new>

#include "blas.hpp"
#include "packed_copies.hpp"
#include "tunescope/kernels/products/product_rows.hpp"

// Extensions of MKL to the C interface of BLAS, which libtorch_cpu exports; null if LibTorch has another BLAS. The
// numbers that stand for words are those of CBLAS.
extern "C" {
[[gnu::weak]] std::size_t cblas_sgemm_pack_get_size(int identifier, int m, int n, int k);
[[gnu::weak]] void cblas_sgemm_pack(int layout, int identifier, int transpose, int m, int n, int k, float alpha,
                                    const float* source, int stride, float* packed);
[[gnu::weak]] void cblas_sgemm_compute(int layout, int transpose_a, int transpose_b, int m, int n, int k,
                                       const float* a, int a_stride, const float* b, int b_stride, float beta, float* c,
                                       int c_stride);
}

namespace tunescope::cpu {
namespace {

constexpr int kRowMajor = 101;
constexpr int kAsItIs = 111;
constexpr int kTransposed = 112;
constexpr int kPacked = 151;
constexpr int kSecondOperand = 162;

int as_int(std::int64_t number) { return static_cast<int>(number); }

int word_of(const Matrix<const float>& matrix) { return matrix.is_transposed ? kTransposed : kAsItIs; }

class MklCopy final : public PackedMatrix::Copy {
 public:
  // Not from the heap: MKL asks for some megabytes more than it uses, and pages of its own that are never touched cost
  // nothing.
  explicit MklCopy(const at::Tensor& matrix) : inputs_(as_int(matrix.size(0))), outputs_(as_int(matrix.size(1))) {
    const std::size_t bytes = cblas_sgemm_pack_get_size(kSecondOperand, kUsualRows, outputs_, inputs_);
    void* const address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) throw std::bad_alloc();
    numbers_.reset(static_cast<float*>(address), [bytes](float* numbers) { ::munmap(numbers, bytes); });
    const Matrix<const float> stored = operand_of<float>(matrix);
    cblas_sgemm_pack(kRowMajor, kSecondOperand, word_of(stored), kUsualRows, outputs_, inputs_, 1.0F, stored.data,
                     as_int(stored.stride), numbers_.get());
  }

  at::Tensor product(const at::Tensor& a, const at::Tensor& bias) const override {
    at::Tensor c = empty_operand(a.size(0), outputs_, a.options());
    if (bias.defined()) c.copy_(bias.expand_as(c));
    multiply(a, c, bias.defined() ? Accumulate::kYes : Accumulate::kNo);
    return c;
  }

  void multiply(const at::Tensor& a, const at::Tensor& c, Accumulate accumulate) const override {
    const Matrix<const float> stored = operand_of<float>(a);
    cblas_sgemm_compute(kRowMajor, word_of(stored), kPacked, as_int(a.size(0)), outputs_, inputs_, stored.data,
                        as_int(stored.stride), numbers_.get(), outputs_, accumulate == Accumulate::kYes ? 1.0F : 0.0F,
                        c.mutable_data_ptr<float>(), as_int(c.stride(0)));
  }

 private:
  int inputs_ = 0;
  int outputs_ = 0;
  std::shared_ptr<float> numbers_;
};

}  // namespace

bool mkl_packs() { return cblas_sgemm_compute != nullptr; }

std::shared_ptr<const PackedMatrix::Copy> packed_by_mkl(const at::Tensor& matrix) {
  return std::make_shared<MklCopy>(matrix);
}

}  // namespace tunescope::cpu
