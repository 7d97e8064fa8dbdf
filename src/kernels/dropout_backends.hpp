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
void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout);
}
namespace cuda {
void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout);
}

}  // namespace tunescope
