#include <bit>

#include "../simt.hpp"

namespace tunescope::emulator {
namespace {

struct Fragments {
  std::uint32_t a[4];
  std::uint32_t b[2];
};

float half_of(std::uint32_t word, unsigned half) {
  return std::bit_cast<float>(half == 0 ? word << 16U : word & 0xFFFF0000U);
}

// PTX ISA, "Matrix Fragments for mma.m16n8k16": which lane holds an element, and where.
float element_of_a(const std::byte* all, unsigned row, unsigned column) {
  const auto held = lane_of<Fragments>(all, row % 8 * 4 + column % 8 / 2);
  return half_of(held.a[row / 8 + column / 8 * 2], column % 2);
}
float element_of_b(const std::byte* all, unsigned row, unsigned column) {
  const auto held = lane_of<Fragments>(all, column * 4 + row % 8 / 2);
  return half_of(held.b[row / 8], row % 2);
}

}  // namespace

void multiply_accumulate(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                         const std::source_location& where) {
  const Fragments own{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  const std::byte* const all = warp_meeting(0xFFFFFFFFU, &own, sizeof own, where);
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane() / 4 + i / 2 * 8;
    const unsigned column = lane() % 4 * 2 + i % 2;
    for (unsigned k = 0; k < 16; ++k) sums[i] += element_of_a(all, row, k) * element_of_b(all, k, column);
  }
}

}  // namespace tunescope::emulator
