#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <array>

#include "../dropout_backends.hpp"
#include "tunescope/random/philox.hpp"

namespace tunescope::cpu {
namespace {

// Sixteen Philox blocks, word by word: the numbers of 64 elements in their order.
using Tile = std::array<std::uint32_t, kDropoutTile>;

[[gnu::always_inline]] inline Tile philox_tile(std::uint64_t key, std::uint64_t stream, std::uint64_t first_block) {
  Tile tile;
  for (std::size_t lane = 0; lane < kDropoutLanes; ++lane) {
    const RandomBlock block = philox(key, stream, first_block + lane);
    for (std::size_t word = 0; word < block.size(); ++word) tile[lane + word * kDropoutLanes] = block[word];
  }
  return tile;
}

template <typename Scalar>
[[gnu::always_inline]] inline void apply(Scalar* values, std::int64_t count, const DropoutMask& mask) {
  const auto scale = static_cast<Scalar>(mask.scale);
  for (std::int64_t begin = 0; begin < count; begin += kDropoutTile) {
    const Tile tile = philox_tile(mask.key, mask.stream, static_cast<std::uint64_t>(begin / 4));
    const auto apply_to_first = [&](std::int64_t length) {
      for (std::int64_t i = 0; i < length; ++i) {
        values[begin + i] *= tile[static_cast<std::size_t>(i)] < mask.threshold ? Scalar{0} : scale;
      }
    };
    if (count - begin >= kDropoutTile) {
      apply_to_first(kDropoutTile);  // a length known to the compiler
    } else {
      apply_to_first(count - begin);
    }
  }
}

// One binary, the widest vectors of the machine it runs on.
#define TUNESCOPE_VECTOR_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
TUNESCOPE_VECTOR_CLONES void apply_float(float* values, std::int64_t count, const DropoutMask& mask) {
  apply(values, count, mask);
}
TUNESCOPE_VECTOR_CLONES void apply_double(double* values, std::int64_t count, const DropoutMask& mask) {
  apply(values, count, mask);
}
#undef TUNESCOPE_VECTOR_CLONES

}  // namespace

DropoutMask dropout_mask(const DropoutStreams& streams, std::size_t sequence, const Dropout& dropout) {
  return {streams.keys[sequence], dropout_stream(dropout.site, streams.examples[sequence]),
          dropout_threshold(dropout.probability), 1.0 / (1.0 - dropout.probability)};
}

void apply_dropout(float* values, std::int64_t count, const DropoutMask& mask) { apply_float(values, count, mask); }
void apply_dropout(double* values, std::int64_t count, const DropoutMask& mask) { apply_double(values, count, mask); }

void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout) {
  const auto count = static_cast<std::int64_t>(streams.examples.size());
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "apply_dropout_", [&] {
    scalar_t* const data = values.mutable_data_ptr<scalar_t>();
    at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto b = static_cast<std::size_t>(begin); b < static_cast<std::size_t>(end); ++b) {
        const std::int64_t first = segments.offsets[b] * segments.elements_per_position;
        const std::int64_t last = segments.offsets[b + 1] * segments.elements_per_position;
        apply_dropout(data + first, last - first, dropout_mask(streams, b, dropout));
      }
    });
  });
}

}  // namespace tunescope::cpu
