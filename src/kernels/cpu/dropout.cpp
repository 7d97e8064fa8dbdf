#include "../backends/dropout.hpp"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>

#include "tunescope/random/philox.hpp"
#include "vector_clones.hpp"

namespace tunescope::cpu {
namespace {

// Sixteen Philox blocks: first their first words, then their second words, and so on.
using Words = std::array<std::uint32_t, kDropoutHalf>;

[[gnu::always_inline]] inline Words philox_words(std::uint64_t key, std::uint64_t stream, std::uint64_t first_block) {
  Words words;
  for (std::size_t lane = 0; lane < kDropoutLanes; ++lane) {
    const RandomBlock block = philox(key, stream, first_block + lane);
    for (std::size_t word = 0; word < block.size(); ++word) words[lane + word * kDropoutLanes] = block[word];
  }
  return words;
}

// Fills in what the 128 elements of a tile are multiplied by: 0, or the scale. See backends/dropout.hpp for the order.
template <typename Scalar>
[[gnu::always_inline]] inline void fill_factors(Scalar* factors, std::int64_t tile, const DropoutMask& mask) {
  const auto scale = static_cast<Scalar>(mask.scale);
  const Words words = philox_words(mask.key, mask.stream, static_cast<std::uint64_t>(tile * kDropoutLanes));
  for (std::size_t i = 0; i < words.size(); ++i) {
    factors[i] = (words[i] & 0xFFFFU) < mask.threshold ? Scalar{0} : scale;
    factors[i + words.size()] = (words[i] >> 16U) < mask.threshold ? Scalar{0} : scale;
  }
}

// Goes through the range tile by tile; the first and the last tile may be partial.
template <typename Scalar>
[[gnu::always_inline]] inline void apply(Scalar* values, ElementRange range, const DropoutMask& mask) {
  std::array<Scalar, kDropoutTile> factors;
  const std::int64_t end = range.first + range.count;
  for (std::int64_t begin = range.first; begin < end;) {
    const std::int64_t skipped = begin % kDropoutTile;
    fill_factors(factors.data(), begin / kDropoutTile, mask);
    Scalar* const of_tile = values + (begin - range.first);
    if (skipped == 0 && end - begin >= kDropoutTile) {  // the compiler knows the length of this loop
      for (std::int64_t i = 0; i < kDropoutTile; ++i) of_tile[i] *= factors[static_cast<std::size_t>(i)];
      begin += kDropoutTile;
    } else {
      const std::int64_t count = std::min(end - begin, kDropoutTile - skipped);
      for (std::int64_t i = 0; i < count; ++i) of_tile[i] *= factors[static_cast<std::size_t>(skipped + i)];
      begin += count;
    }
  }
}

}  // namespace

DropoutMask dropout_mask(const DropoutStreams& streams, std::size_t sequence, const Dropout& dropout) {
  const std::uint32_t threshold = dropout_threshold(dropout.probability);
  return {streams.keys[sequence], dropout_stream(dropout.site, streams.examples[sequence]), threshold,
          dropout_scale(threshold)};
}

TUNESCOPE_VECTOR_CLONES void apply_dropout(float* values, ElementRange range, const DropoutMask& mask) {
  apply(values, range, mask);
}
TUNESCOPE_VECTOR_CLONES void apply_dropout(double* values, ElementRange range, const DropoutMask& mask) {
  apply(values, range, mask);
}

void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout) {
  const std::span<const std::int64_t> offsets = segments.offsets.host;
  const auto count = static_cast<std::int64_t>(streams.examples.size());
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "apply_dropout_", [&] {
    scalar_t* const data = values.mutable_data_ptr<scalar_t>();
    at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto b = static_cast<std::size_t>(begin); b < static_cast<std::size_t>(end); ++b) {
        const std::int64_t first = offsets[b] * segments.elements_per_position;
        const std::int64_t last = offsets[b + 1] * segments.elements_per_position;
        const std::int64_t number = segments.first_numbers.size() == 0 ? 0 : segments.first_numbers[b];
        apply_dropout(data + first, {number * segments.elements_per_position, last - first},
                      dropout_mask(streams, b, dropout));
      }
    });
  });
}

}  // namespace tunescope::cpu
