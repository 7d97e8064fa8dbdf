#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace tunescope {

/// Whether C is overwritten or accumulated into.
enum class Accumulate { kNo, kYes };

/// Where the gradient of one model's parameter goes.
struct GradientTarget {
  at::Tensor gradient;  ///< contiguous, of the parameter's shape; undefined: it is not wanted
  Accumulate accumulate = Accumulate::kNo;
};

/// In which types a result is wanted. A matrix product in bfloat16 reads its operands in that type, so that a result
/// which only feeds such products need not be written in its own.
enum class ResultTypes { kOwn, kBfloat16, kBoth };

/// A result; a tensor is undefined if it was not asked for.
struct TypedResult {
  at::Tensor own = {};       ///< in the type of the arguments
  at::Tensor bfloat16 = {};  ///< the same, rounded

  /// What a matrix product reads.
  const at::Tensor& operand() const { return bfloat16.defined() ? bfloat16 : own; }
};

/// C = s A B, or C += s A B. A is [m, k] and B [k, n]; both have the type of C or both are bfloat16, and their rows or
/// their columns are contiguous. C is [m, n], float32 or float64, with contiguous rows. Products of bfloat16 operands
/// are summed in float32. If ATen computes them (on the CPU with a BLAS other than MKL), the sums are rounded to
/// bfloat16.
void matmul(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Accumulate accumulate = Accumulate::kNo,
            double scale = 1.0);

/// Speed-up of a linear layer's matrix product in bfloat16 over float32 on the CPU, the cast of the input included.
/// Measured when called; takes some milliseconds.
double measure_bfloat16_speedup(std::int64_t inputs, std::int64_t outputs);

}  // namespace tunescope
