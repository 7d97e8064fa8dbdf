#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace tunescope {

/// One dropout layer. The mask of an element is a function of the key, the site, the example and the element's place
/// within its example, never of the batch: so it does not depend on ranks, lanes or micro-batches, and the backward
/// pass draws it again instead of storing it.
struct Dropout {
  double probability =
      0.0;  ///< of an element to be set to zero, in steps of 1/65536; the others are scaled to keep the mean
  std::uint32_t site = 0;  ///< which of the network's dropout layers
};

/// Whose masks the sequences of a batch take. B sequences.
struct DropoutStreams {
  std::span<const std::int64_t> examples;  ///< [B]
  std::span<const std::uint64_t> keys;     ///< [B], one a step: `random_key(seed, RandomUse::kDropout, step)`
};

/// Which elements of a flat buffer belong to which sequence.
struct SequenceSegments {
  std::span<const std::int64_t> offsets;   ///< [B+1] of positions; sequence b owns offsets[b] ... offsets[b+1]-1
  std::int64_t elements_per_position = 1;  ///< contiguous elements at each position
};

/// Applies dropout to contiguous `values` (float32 or float64, any device) in place. The gradient of dropout is the
/// same function of the output's gradient.
void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout);

}  // namespace tunescope
