#include "tunescope/kernels/products/packed_matrix.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <exception>

#include "kernels/backends/kernel.hpp"
#include "packed_copies.hpp"

namespace tunescope {
namespace {

std::shared_ptr<const PackedMatrix::Copy> copy_of(const at::Tensor& matrix, Packing packing) {
  return packing == Packing::kMkl ? cpu::packed_by_mkl(matrix) : cpu::packed_by_onednn(matrix);
}

bool is_in_libtorch(Packing packing) { return packing == Packing::kMkl ? cpu::mkl_packs() : cpu::onednn_packs(); }

// MKL documents products with as many rows as the copy was made for, and computes others as well. What oneDNN computes
// is an operator that LibTorch does not document.
bool any_number_of_rows_works(Packing packing) {
  constexpr std::int64_t kInputs = 200;
  constexpr std::int64_t kOutputs = 330;
  const auto numbers = [](std::int64_t rows, std::int64_t columns) {
    return at::arange(rows * columns, at::TensorOptions(at::kFloat)).sin().view({rows, columns});
  };
  const at::Tensor weight = numbers(kOutputs, kInputs);
  const PackedMatrix packed(weight.t(), packing);
  return std::ranges::all_of(std::array{1, 7, 31, 48, 100, 256, 300, 1000}, [&](std::int64_t rows) {
    const at::Tensor input = numbers(rows, kInputs);
    const at::Tensor expected = at::empty({rows, kOutputs}, input.options());
    matmul(input, weight.t(), expected);
    return packed.product(input).allclose(expected, 1e-5, 1e-4);
  });
}

bool is_intel() {
#ifdef __x86_64__
  return __builtin_cpu_is("intel");
#else
  return false;
#endif
}

std::optional<Packing> find_best_packing() {
  const Packing first = is_intel() ? Packing::kMkl : Packing::kOneDnn;
  const Packing second = is_intel() ? Packing::kOneDnn : Packing::kMkl;
  if (PackedMatrix::works(first)) return first;
  return PackedMatrix::works(second) ? std::optional(second) : std::nullopt;
}

}  // namespace

bool PackedMatrix::works(Packing packing) {
  try {
    return is_in_libtorch(packing) && any_number_of_rows_works(packing);
  } catch (const std::exception&) {  // another LibTorch may have the operator in another form
    return false;
  }
}

std::optional<Packing> PackedMatrix::best_packing() {
  static const std::optional<Packing> best = find_best_packing();
  return best;
}

PackedMatrix::PackedMatrix(const at::Tensor& matrix, Packing packing)
    : inputs_(matrix.size(0)), outputs_(matrix.size(1)), copy_(copy_of(matrix, packing)) {}

at::Tensor PackedMatrix::product(const at::Tensor& a, const at::Tensor& bias) const {
  check_contract(a.dim() == 2 && a.size(1) == inputs_ && a.stride(1) == 1 && a.scalar_type() == at::kFloat,
                 "packed matmul", "A is not [m, k] in float32, or its rows are not contiguous");
  check_contract(!bias.defined() || (bias.is_contiguous() && bias.numel() == outputs_), "packed matmul",
                 "the bias is not contiguous [n]");
  return copy_->product(a, bias);
}

void PackedMatrix::multiply(const at::Tensor& a, const at::Tensor& c, Accumulate accumulate) const {
  check_contract(a.dim() == 2 && a.size(1) == inputs_ && c.size(0) == a.size(0) && c.size(1) == outputs_,
                 "packed matmul", "A, B and C are not [m, k], [k, n] and [m, n]");
  check_contract(a.scalar_type() == at::kFloat && c.scalar_type() == at::kFloat && a.stride(1) == 1 && c.stride(1) == 1,
                 "packed matmul", "A and C are not float32, or their rows are not contiguous");
  copy_->multiply(a, c, accumulate);
}

}  // namespace tunescope
