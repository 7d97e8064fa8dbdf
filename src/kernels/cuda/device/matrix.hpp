#pragma once

#include "simt.hpp"

namespace tunescope {

/// The numbers that the matrix instruction multiplies come in words of 32 bits: two of bfloat16, the first in the low
/// half, or one of TF32, which is a float32 whose lowest 13 bits do not count.
enum class FactorType { kBfloat16, kTf32 };
inline constexpr int kInstructionWords = 8;  ///< that one instruction multiplies, of each row and column

/// Adds the product of A with 16 rows and B with 8 columns to 16 x 8 sums in float32, by all 32 lanes of a warp
/// together. A row of A and a column of B have 8 words: the instruction is mma.m16n8k16 for bfloat16, and mma.m16n8k8
/// for TF32. With g = lane / 4 and t = lane % 4 a lane has (PTX ISA, "Matrix Fragments for mma.m16n8k16" and "... for
/// mma.m16n8k8")
///
///   a[0], a[1], a[2], a[3]   rows g, g + 8, g, g + 8; word t in the first two, word t + 4 in the others
///   b[0], b[1]               column g; words t and t + 4
///   sums[0..1], sums[2..3]   rows g and g + 8; columns 2t and 2t + 1
#ifdef __CUDACC__

template <FactorType kType>
__device__ __forceinline__ void multiply_accumulate(float (&sums)[4], const std::uint32_t (&a)[4],
                                                    const std::uint32_t (&b)[2]) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  if constexpr (kType == FactorType::kBfloat16) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
#else
  __trap();  // earlier GPUs have no such instruction, and are never asked
#endif
}

#else

template <FactorType kType>
void multiply_accumulate(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                         std::source_location where = std::source_location::current()) {
  emulator::multiply_accumulate(sums, a, b, kType == FactorType::kBfloat16, where);
}

#endif

}  // namespace tunescope
