#pragma once

#include <cstdint>

namespace tunescope {

// How elements get their random numbers. Philox turns a key and a counter into a block of four 32-bit words; each word
// gives two 16-bit numbers, which are compared with the probability in units of 1/65536. Element e of an example takes
// block e / 128 * 16 + e % 16, word e % 64 / 16 of it, and the low half of that word if e % 128 < 64, else the high
// half. This order suits vector instructions: the CPU computes sixteen blocks at once, one per lane of a vector, and
// their words then lie in the order of the elements. All backends must follow it, so that masks are the same on every
// device.
inline constexpr std::int64_t kDropoutLanes = 16;
inline constexpr std::int64_t kDropoutHalf = 4 * kDropoutLanes;
inline constexpr std::int64_t kDropoutTile = 2 * kDropoutHalf;

/// An element is dropped if its 16-bit number is below this.
constexpr std::uint32_t dropout_threshold(double probability) {
  return static_cast<std::uint32_t>(probability * 65536.0 + 0.5);
}

/// The factor on elements that are kept: exactly the reciprocal of the probability to be kept.
constexpr double dropout_scale(std::uint32_t threshold) { return 65536.0 / (65536.0 - threshold); }

/// The high half of the Philox counter.
constexpr std::uint64_t dropout_stream(std::uint32_t site, std::int64_t example) {
  return (std::uint64_t{site} << 40U) ^ static_cast<std::uint64_t>(example);
}

}  // namespace tunescope
