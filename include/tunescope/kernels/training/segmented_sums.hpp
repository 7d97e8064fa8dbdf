#pragma once

#include <ATen/core/Tensor.h>

#include <span>

namespace tunescope {

// Sums over each of several tensors, in few launches whatever their number. They are in float64 and in an order that
// depends on nothing but a tensor's size: neither on the other tensors nor on the number of threads.

/// Euclidean norm of each of K > 0 tensors (float32 or float64, contiguous, on one device): [K] float64, there.
at::Tensor gradient_norms(std::span<const at::Tensor> gradients);

/// A tensor before and after training: float32 or float64, contiguous, of one shape.
struct ChangedTensor {
  at::Tensor initial, trained;
};

/// The columns of `parameter_changes`.
enum ChangeColumn {
  kSumOfDifferences,     ///< of absolute ones
  kSumOfSquares,         ///< of differences
  kSumOfInitialSquares,  ///< of the initial numbers
  kLargestDifference,    ///< the largest absolute one; NaN if one of them is
  kChangeColumns,
};

/// How far the numbers of each of K > 0 tensors moved, on their device: [K, kChangeColumns] float64.
at::Tensor parameter_changes(std::span<const ChangedTensor> tensors);

}  // namespace tunescope
