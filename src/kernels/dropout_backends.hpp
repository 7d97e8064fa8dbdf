#pragma once

#include "tunescope/kernels/dropout.hpp"

namespace tunescope {

// Both backends use the same numbers of 16 bits. Sixteen Philox blocks serve 128 elements of an example: element e
// takes block e / 128 * 16 + e % 16, of it word e % 64 / 16, of that the low half where e % 128 < 64, else the high
// half. So sixteen blocks are made at once, and their words lie in the order of the elements.
inline constexpr std::int64_t kDropoutLanes = 16;
inline constexpr std::int64_t kDropoutHalf = 4 * kDropoutLanes;
inline constexpr std::int64_t kDropoutTile = 2 * kDropoutHalf;

/// Random numbers below this are dropped.
constexpr std::uint32_t dropout_threshold(double probability) {
  return static_cast<std::uint32_t>(probability * 65536.0 + 0.5);
}

/// What elements are multiplied by that are kept: the reciprocal of their share, exactly.
constexpr double dropout_scale(std::uint32_t threshold) { return 65536.0 / (65536.0 - threshold); }

/// The high half of the Philox counter.
constexpr std::uint64_t dropout_stream(std::uint32_t site, std::int64_t example) {
  return (std::uint64_t{site} << 40U) ^ static_cast<std::uint64_t>(example);
}

namespace cpu {
/// The mask of one example at one site.
struct DropoutMask {
  std::uint64_t key = 0;
  std::uint64_t stream = 0;
  std::uint32_t threshold = 0;
  double scale = 1.0;
};
DropoutMask dropout_mask(const DropoutStreams& streams, std::size_t sequence, const Dropout& dropout);

/// Consecutive elements of one example.
struct ElementRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};
/// Applies dropout to some elements of one example; `values` begins with the first of them.
void apply_dropout(float* values, ElementRange range, const DropoutMask& mask);
void apply_dropout(double* values, ElementRange range, const DropoutMask& mask);

void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout);
}  // namespace cpu
namespace cuda {
void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout);
}

}  // namespace tunescope
