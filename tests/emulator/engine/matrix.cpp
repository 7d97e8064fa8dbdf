#include <bit>

#include "../simt.hpp"

namespace tunescope::emulator {
namespace {

struct Fragments {
  std::uint32_t a[4];
  std::uint32_t b[2];
};

// The numbers of two words multiplied, and added up.
float product_in_bfloat16(std::uint32_t a, std::uint32_t b) {
  const auto low = [](std::uint32_t word) { return std::bit_cast<float>(word << 16U); };
  const auto high = [](std::uint32_t word) { return std::bit_cast<float>(word & 0xFFFF0000U); };
  return low(a) * low(b) + high(a) * high(b);
}
float product_in_tf32(std::uint32_t a, std::uint32_t b) {
  const auto number = [](std::uint32_t word) { return std::bit_cast<float>(word & 0xFFFFE000U); };
  return number(a) * number(b);
}

}  // namespace

// PTX ISA, "Matrix Fragments for mma.m16n8k16" and "... for mma.m16n8k8": which lane holds a word, and where.
void multiply_accumulate(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], bool is_bfloat16,
                         const std::source_location& where) {
  const auto product = is_bfloat16 ? product_in_bfloat16 : product_in_tf32;
  const Fragments own{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  const std::byte* const all = warp_meeting(0xFFFFFFFFU, &own, sizeof own, where);
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane() / 4 + i / 2 * 8;
    const unsigned column = lane() % 4 * 2 + i % 2;
    for (unsigned word = 0; word < 8; ++word) {
      const auto of_row = lane_of<Fragments>(all, row % 8 * 4 + word % 4);
      const auto of_column = lane_of<Fragments>(all, column * 4 + word % 4);
      sums[i] += product(of_row.a[row / 8 + word / 4 * 2], of_column.b[word / 4]);
    }
  }
}

}  // namespace tunescope::emulator
