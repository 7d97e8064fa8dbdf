#pragma once

#include "dropout_numbers.hpp"
#include "kernel.hpp"
#include "tunescope/kernels/dropout.hpp"

namespace tunescope {

using ApplyDropout = void(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                          const Dropout& dropout);

const Kernel<ApplyDropout>& apply_dropout_kernel();

namespace cpu {
/// What determines the mask of one example at one site.
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
/// Applies dropout to a range of elements of one example; `values` points at the first element of the range.
void apply_dropout(float* values, ElementRange range, const DropoutMask& mask);
void apply_dropout(double* values, ElementRange range, const DropoutMask& mask);

ApplyDropout apply_dropout_;
}  // namespace cpu

namespace cuda {
// Null in a build without CUDA.
extern ApplyDropout* const apply_dropout_;
}  // namespace cuda

namespace aten {
ApplyDropout apply_dropout_;
}  // namespace aten

}  // namespace tunescope
