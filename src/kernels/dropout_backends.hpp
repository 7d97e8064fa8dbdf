#pragma once

#include "tunescope/kernels/dropout.hpp"

namespace tunescope {

// Both backends use the same numbers: element e of an example takes word (e % 64) / 16 of the Philox block
// (e / 64) * 16 + e % 16, so that sixteen blocks are made at once and stored contiguously.
inline constexpr std::int64_t kDropoutLanes = 16;
inline constexpr std::int64_t kDropoutTile = 4 * kDropoutLanes;

/// Random words below this are dropped.
constexpr std::uint32_t dropout_threshold(double probability) {
  return static_cast<std::uint32_t>(probability * 4294967296.0);
}

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

/// Applies dropout to all elements of one example.
void apply_dropout(float* values, std::int64_t count, const DropoutMask& mask);
void apply_dropout(double* values, std::int64_t count, const DropoutMask& mask);

void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout);
}  // namespace cpu
namespace cuda {
void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout);
}

}  // namespace tunescope
