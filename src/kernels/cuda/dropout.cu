#include <ATen/Dispatch.h>
#include <c10/core/DeviceGuard.h>

#include "../backends/dropout.hpp"
#include "device/dropout.hpp"
#include "device_arguments.hpp"
#include "launch.hpp"

namespace tunescope::cuda {
namespace {

// The grid has one row of blocks for each sequence. The threads of a row stride over the elements of the sequence.
template <typename Scalar>
__global__ void drop_elements(Scalar* values, const std::int64_t* offsets, std::int64_t elements_per_position,
                              DeviceDropout dropout, double scale) {
  const std::int64_t sequence = blockIdx.y;
  const std::int64_t first = offsets[sequence] * elements_per_position;
  const std::int64_t count = offsets[sequence + 1] * elements_per_position - first;
  DropoutMask mask(dropout, sequence);
  for (std::int64_t e = blockIdx.x * blockDim.x + threadIdx.x; e < count; e += gridDim.x * blockDim.x) {
    values[first + e] *= mask.keeps(e) ? static_cast<Scalar>(scale) : Scalar{0};
  }
}

void launch_dropout(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout) {
  constexpr unsigned kThreads = 256;
  constexpr unsigned kBlocksPerSequence = 16;
  const c10::DeviceGuard guard(values.device());
  const LaunchShape shape{{kBlocksPerSequence, static_cast<unsigned>(streams.examples.size())}, kThreads};
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "apply_dropout_", [&] {
    launch(drop_elements<scalar_t>, shape, values.mutable_data_ptr<scalar_t>(), segments.offsets.device,
           segments.elements_per_position, device_dropout(streams, dropout),
           dropout_scale(dropout_threshold(dropout.probability)));
  });
}

}  // namespace

ApplyDropout* const apply_dropout_ = launch_dropout;

}  // namespace tunescope::cuda
