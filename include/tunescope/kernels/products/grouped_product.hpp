#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "tunescope/kernels/matmul.hpp"

namespace tunescope {

/// One of several products, C = s A B or C += s A B, of operands as `matmul` takes them: A [m, k], B [k, n], C [m, n].
struct GroupedProduct {
  at::Tensor a, b, c;
  double scale = 1.0;
  Accumulate accumulate = Accumulate::kNo;
};

/// Computes products of which each alone is too small to keep all threads at work. Their types are the same, and no
/// result overlaps that of another one or an operand.
void grouped_product(std::span<const GroupedProduct> products);

}  // namespace tunescope
