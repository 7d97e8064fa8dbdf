#pragma once

#include "simt.hpp"

namespace tunescope {

/// Adds the product of a 16 x 16 matrix and a 16 x 8 matrix in bfloat16 to a 16 x 8 matrix of sums in float32, by all
/// 32 lanes of a warp together: the instruction mma.m16n8k16. A word holds two bfloat16 numbers, the first in its low
/// half. With g = lane / 4 and t = lane % 4 a lane has (PTX ISA, "Matrix Fragments for mma.m16n8k16")
///
///   a[0], a[1], a[2], a[3]   rows g, g + 8, g, g + 8; columns 2t and 2t + 1 in the first two, 8 more in the others
///   b[0], b[1]               rows 2t and 2t + 1, and 8 more; column g
///   sums[0..1], sums[2..3]   rows g and g + 8; columns 2t and 2t + 1
#ifdef __CUDACC__

__device__ __forceinline__ void multiply_accumulate(float (&sums)[4], const std::uint32_t (&a)[4],
                                                    const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#else

inline void multiply_accumulate(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                                std::source_location where = std::source_location::current()) {
  emulator::multiply_accumulate(sums, a, b, where);
}

#endif

}  // namespace tunescope
