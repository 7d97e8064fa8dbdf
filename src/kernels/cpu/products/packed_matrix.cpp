#include "tunescope/kernels/products/packed_matrix.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>

#include "blas.hpp"
#include "kernels/backends/kernel.hpp"

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

namespace tunescope {
namespace {

constexpr int kRowMajor = 101;
constexpr int kAsItIs = 111;
constexpr int kTransposed = 112;
constexpr int kPacked = 151;
constexpr int kSecondOperand = 162;
// The order that MKL chooses may depend on the number of rows that the copy is said to be for. It is the same in all
// runs, so that their results are.
constexpr int kRows = 256;

int as_int(std::int64_t number) { return static_cast<int>(number); }

int word_of(const cpu::Matrix<const float>& matrix) { return matrix.is_transposed ? kTransposed : kAsItIs; }

// MKL documents products with as many rows as the copy was made for, and computes others as well.
bool any_number_of_rows_works() {
  constexpr std::int64_t kInputs = 200;
  constexpr std::int64_t kOutputs = 330;
  const auto numbers = [](std::int64_t rows, std::int64_t columns) {
    return at::arange(rows * columns, at::TensorOptions(at::kFloat)).sin().view({rows, columns});
  };
  const at::Tensor weight = numbers(kOutputs, kInputs);
  const PackedMatrix packed(weight.t());
  return std::ranges::all_of(std::array{1, 7, 31, 48, 100, kRows, 300, 1000}, [&](std::int64_t rows) {
    const at::Tensor input = numbers(rows, kInputs);
    const at::Tensor expected = at::empty({rows, kOutputs}, input.options());
    const at::Tensor output = at::empty({rows, kOutputs}, input.options());
    matmul(input, weight.t(), expected);
    packed.multiply(input, output, Accumulate::kNo);
    return output.allclose(expected, 1e-5, 1e-4);
  });
}

}  // namespace

bool PackedMatrix::is_supported() {
  static const bool is_right = cblas_sgemm_compute != nullptr && any_number_of_rows_works();
  return is_right;
}

// Not from the heap: MKL asks for some megabytes more than it uses, and pages of its own that are never touched cost
// nothing.
PackedMatrix::PackedMatrix(const at::Tensor& matrix) : inputs_(matrix.size(0)), outputs_(matrix.size(1)) {
  const std::size_t bytes = cblas_sgemm_pack_get_size(kSecondOperand, kRows, as_int(outputs_), as_int(inputs_));
  void* const address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) throw std::bad_alloc();
  numbers_.reset(static_cast<float*>(address), [bytes](float* numbers) { ::munmap(numbers, bytes); });
  const cpu::Matrix<const float> stored = cpu::operand_of<float>(matrix);
  cblas_sgemm_pack(kRowMajor, kSecondOperand, word_of(stored), kRows, as_int(outputs_), as_int(inputs_), 1.0F,
                   stored.data, as_int(stored.stride), numbers_.get());
}

void PackedMatrix::multiply(const at::Tensor& a, const at::Tensor& c, Accumulate accumulate) const {
  check_contract(a.dim() == 2 && a.size(1) == inputs_ && c.size(0) == a.size(0) && c.size(1) == outputs_,
                 "packed matmul", "A, B and C are not [m, k], [k, n] and [m, n]");
  check_contract(a.scalar_type() == at::kFloat && c.scalar_type() == at::kFloat && c.stride(1) == 1, "packed matmul",
                 "A and C are not float32, or the rows of C are not contiguous");
  const cpu::Matrix<const float> stored = cpu::operand_of<float>(a);
  cblas_sgemm_compute(kRowMajor, word_of(stored), kPacked, as_int(a.size(0)), as_int(outputs_), as_int(inputs_),
                      stored.data, as_int(stored.stride), numbers_.get(), as_int(outputs_),
                      accumulate == Accumulate::kYes ? 1.0F : 0.0F, c.mutable_data_ptr<float>(), as_int(c.stride(0)));
}

}  // namespace tunescope
