#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "tunescope/kernels/matmul.hpp"

namespace tunescope {

/// The libraries inside LibTorch that multiply by copies of a matrix in an order of their own.
enum class Packing { kMkl, kOneDnn };

/// A copy of a matrix B [k, n] in the order in which a library's product reads it. A product brings any matrix into
/// such an order before it multiplies, so with a copy that is made once, products with few rows are faster: MKL's by a
/// fifth with 180 rows. MKL's best kernels are for Intel's CPUs alone; on an AMD EPYC, oneDNN's product of 180 rows
/// takes two thirds of the time of MKL's, and four fifths if it is held to AVX2.
class PackedMatrix {
 public:
  /// Whether products by such copies are right on this machine, with this LibTorch.
  static bool works(Packing packing);
  /// The faster one of those that work: MKL's on Intel's CPUs, oneDNN's on others.
  static std::optional<Packing> best_packing();

  /// `matrix` is float32, on the CPU; its rows or its columns are contiguous. Throws `std::bad_alloc`.
  PackedMatrix(const at::Tensor& matrix, Packing packing);

  /// A B, or A B + bias, as `matmul`: A [m, k], for any m, with contiguous rows; `bias` [n] or undefined. The product
  /// can be the operand of another one (see `empty_operand`).
  at::Tensor product(const at::Tensor& a, const at::Tensor& bias = {}) const;
  /// C = A B, or C += A B, with C [m, n].
  void multiply(const at::Tensor& a, const at::Tensor& c, Accumulate accumulate) const;

  /// The copy, in the order of one library.
  class Copy {
   public:
    virtual ~Copy() = default;
    virtual at::Tensor product(const at::Tensor& a, const at::Tensor& bias) const = 0;
    virtual void multiply(const at::Tensor& a, const at::Tensor& c, Accumulate accumulate) const = 0;
  };

 private:
  std::int64_t inputs_ = 0;
  std::int64_t outputs_ = 0;
  std::shared_ptr<const Copy> copy_;
};

}  // namespace tunescope
