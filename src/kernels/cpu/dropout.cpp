#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <array>

#include "../dropout_backends.hpp"
#include "tunescope/random/philox.hpp"

namespace tunescope::cpu {
namespace {

using Words = std::array<std::uint32_t, kDropoutLanes>;

struct Tile {
  Words word0, word1, word2, word3;
};

// `philox` on sixteen counters at once, in loops that the compiler turns into vector instructions.
[[gnu::always_inline]] inline Tile philox_tile(std::uint64_t key, std::uint64_t stream, std::uint64_t first_block) {
  auto key0 = static_cast<std::uint32_t>(key);
  auto key1 = static_cast<std::uint32_t>(key >> 32U);
  Tile tile;
  for (std::size_t lane = 0; lane < kDropoutLanes; ++lane) {
    tile.word0[lane] = static_cast<std::uint32_t>(first_block + lane);
    tile.word1[lane] = static_cast<std::uint32_t>((first_block + lane) >> 32U);
    tile.word2[lane] = static_cast<std::uint32_t>(stream);
    tile.word3[lane] = static_cast<std::uint32_t>(stream >> 32U);
  }
  for (int round = 0; round < 10; ++round) {
    for (std::size_t lane = 0; lane < kDropoutLanes; ++lane) {
      const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * tile.word0[lane];
      const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * tile.word2[lane];
      tile.word0[lane] = static_cast<std::uint32_t>(product1 >> 32U) ^ tile.word1[lane] ^ key0;
      tile.word2[lane] = static_cast<std::uint32_t>(product0 >> 32U) ^ tile.word3[lane] ^ key1;
      tile.word1[lane] = static_cast<std::uint32_t>(product1);
      tile.word3[lane] = static_cast<std::uint32_t>(product0);
    }
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return tile;
}

struct Mask {
  std::uint64_t key;
  std::uint64_t stream;
  std::uint32_t threshold;
  double scale;
};

template <typename Scalar>
[[gnu::always_inline]] inline void apply(Scalar* values, std::int64_t count, const Mask& mask) {
  const auto scale = static_cast<Scalar>(mask.scale);
  for (std::int64_t begin = 0; begin < count; begin += kDropoutTile) {
    const Tile tile = philox_tile(mask.key, mask.stream, static_cast<std::uint64_t>(begin / 4));
    const std::array<const Words*, 4> words = {&tile.word0, &tile.word1, &tile.word2, &tile.word3};
    for (std::int64_t w = 0; w < 4; ++w) {
      Scalar* const row = values + begin + w * kDropoutLanes;
      const std::int64_t length = std::min(kDropoutLanes, count - begin - w * kDropoutLanes);
      const Words& random = *words[static_cast<std::size_t>(w)];
      for (std::int64_t lane = 0; lane < length; ++lane) {
        row[lane] *= random[static_cast<std::size_t>(lane)] < mask.threshold ? Scalar{0} : scale;
      }
    }
  }
}

// One binary, the widest vectors of the machine it runs on.
#define TUNESCOPE_VECTOR_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
TUNESCOPE_VECTOR_CLONES void apply_float(float* values, std::int64_t count, const Mask& mask) {
  apply(values, count, mask);
}
TUNESCOPE_VECTOR_CLONES void apply_double(double* values, std::int64_t count, const Mask& mask) {
  apply(values, count, mask);
}
#undef TUNESCOPE_VECTOR_CLONES

void apply_to(float* values, std::int64_t count, const Mask& mask) { apply_float(values, count, mask); }
void apply_to(double* values, std::int64_t count, const Mask& mask) { apply_double(values, count, mask); }

}  // namespace

void apply_dropout_(const at::Tensor& values, const ExampleSegments& segments, const Dropout& dropout) {
  const auto count = static_cast<std::int64_t>(segments.examples.size());
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "apply_dropout_", [&] {
    scalar_t* const data = values.mutable_data_ptr<scalar_t>();
    at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto b = static_cast<std::size_t>(begin); b < static_cast<std::size_t>(end); ++b) {
        const std::int64_t first = segments.offsets[b] * segments.elements_per_position;
        const std::int64_t last = segments.offsets[b + 1] * segments.elements_per_position;
        const Mask mask{dropout.key, dropout_stream(dropout.site, segments.examples[b]),
                        dropout_threshold(dropout.probability), 1.0 / (1.0 - dropout.probability)};
        apply_to(data + first, last - first, mask);
      }
    });
  });
}

}  // namespace tunescope::cpu
