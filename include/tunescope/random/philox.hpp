#pragma once

#include <array>
#include <cstdint>

namespace tunescope {

/// Four 32-bit random numbers.
using RandomBlock = std::array<std::uint32_t, 4>;

/// Philox4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). It
/// is a function that scrambles a counter with a key in ten rounds. There is no state, so any number of a sequence can
/// be computed at once, by any rank or thread, in any order, and the same key and counter give the same numbers on
/// every machine. All random numbers of the program come from it.
constexpr RandomBlock philox(std::uint64_t key, std::uint64_t counter_high, std::uint64_t counter_low) {
  auto key0 = static_cast<std::uint32_t>(key);
  auto key1 = static_cast<std::uint32_t>(key >> 32U);
  auto c0 = static_cast<std::uint32_t>(counter_low);
  auto c1 = static_cast<std::uint32_t>(counter_low >> 32U);
  auto c2 = static_cast<std::uint32_t>(counter_high);
  auto c3 = static_cast<std::uint32_t>(counter_high >> 32U);
  // Straight-line code, so that a loop over blocks is vectorized.
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * c0;
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * c2;
    c0 = static_cast<std::uint32_t>(product1 >> 32U) ^ c1 ^ key0;
    c2 = static_cast<std::uint32_t>(product0 >> 32U) ^ c3 ^ key1;
    c1 = static_cast<std::uint32_t>(product1);
    c3 = static_cast<std::uint32_t>(product0);
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return {c0, c1, c2, c3};
}

}  // namespace tunescope
