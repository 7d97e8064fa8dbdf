#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

#include "tunescope/kernels/matmul.hpp"

namespace tunescope::cpu {

// The gradients of vectors are sums over rows. Threads share the columns, so that no sums of different threads have to
// be added. A thread goes through the rows some at a time, each from its first column to the last, as memory likes it
// best, and meanwhile keeps its sums in the first cache.

inline constexpr std::int64_t kMostColumns = 512;

/// How many of all columns a thread takes at a time: as many as the sums allow, but so that all threads have some.
inline std::int64_t columns_of_a_part(std::int64_t columns) {
  constexpr std::int64_t kFewestColumns = 64;
  const std::int64_t of_a_thread = columns / at::get_num_threads();
  const std::int64_t of_a_part = std::clamp(of_a_thread, kFewestColumns, kMostColumns);
  return (of_a_part + kFewestColumns - 1) / kFewestColumns * kFewestColumns;
}

/// Puts the sums of some columns from `first` on into a gradient, if it is wanted.
template <typename Scalar>
void put_sums(const Scalar* sums, std::int64_t first, std::int64_t count, const GradientTarget& target) {
  if (!target.gradient.defined()) return;
  Scalar* const to = target.gradient.mutable_data_ptr<Scalar>() + first;
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = target.accumulate == Accumulate::kYes ? to[i] + sums[i] : sums[i];
  }
}

}  // namespace tunescope::cpu
