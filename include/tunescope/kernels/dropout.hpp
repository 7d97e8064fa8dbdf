#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tunescope/kernels/batch_layout.hpp"

namespace tunescope {

// Dropout sets each element to zero with some probability and scales the others to keep the mean (Srivastava et al.
// 2014). Here the random number of an element is computed by a counter-based generator, Philox, from the key of the
// training step, the dropout layer ("site"), the example and the element's place within the example; there is no
// generator state. Hence the mask of an example does not depend on which other examples are in its batch, on the number
// of ranks, or on how a batch is split when memory is short; a resumed run draws the same masks; and the backward pass
// computes the mask again instead of storing it.

/// One dropout layer.
struct Dropout {
  /// Of an element to be set to zero, rounded to steps of 1/65536. The other elements are scaled to keep the mean.
  double probability = 0.0;
  std::uint32_t site = 0;  ///< number of the dropout layer within the network
};

/// Which elements of a flat buffer belong to which sequence. B sequences.
struct SequenceSegments {
  LayoutNumbers<std::int64_t> offsets;     ///< [B+1]; sequence b owns positions offsets[b] ... offsets[b+1]-1
  std::int64_t elements_per_position = 1;  ///< contiguous elements at each position
  /// [B]; as what its first position counts in the mask of a sequence; empty: as 0
  LayoutNumbers<std::int64_t> first_numbers = {};
};

/// Applies dropout to contiguous `values` (float32 or float64, any device) in place. The backward pass is the same
/// function, applied to the gradient of the output.
void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout);
/// The same for `values` [R, ...] with the rows of a layout.
void apply_dropout_(const at::Tensor& values, const RowLayout& rows, const Dropout& dropout);

}  // namespace tunescope
