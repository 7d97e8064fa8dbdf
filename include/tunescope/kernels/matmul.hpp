#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace tunescope {

/// What a product does with the numbers that its result holds.
enum class Accumulate { kYes, kAdd };

/// C = A B, or C += A B. A [m, k], B [k, n], both of C's type or both bfloat16, their rows or columns contiguous; C [m,
/// n] float32 or float64, its rows contiguous. Products of bfloat16 numbers are summed in float32;
/// where they come from ATen (a GPU, a BLAS other than MKL), the sums are rounded to bfloat16.
void multiply(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Accumulate overwrite = Accumulate::kNo);

/// How many times as fast as in float32 a product of a linear layer is with factors in bfloat16, rounding them
/// included. Measured here and now on `device`, in some milliseconds.
double measure_bfloat16_speedup(at::Device device, std::int64_t inputs, std::int64_t outputs);

}  // namespace tunescope
