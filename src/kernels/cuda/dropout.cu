#include <ATen/Dispatch.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "../backends/dropout.hpp"

namespace tunescope::cuda {
namespace {

// One word of the block that `philox` gives. `__umulhi` is the high half of a product.
__device__ std::uint32_t philox_word(std::uint64_t key, std::uint64_t stream, std::uint64_t block, int word) {
  std::uint32_t key0 = static_cast<std::uint32_t>(key);
  std::uint32_t key1 = static_cast<std::uint32_t>(key >> 32U);
  std::uint32_t c[4] = {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32U),
                        static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32U)};
  for (int round = 0; round < 10; ++round) {
    const std::uint32_t high0 = __umulhi(0xD2511F53U, c[0]);
    const std::uint32_t low0 = 0xD2511F53U * c[0];
    const std::uint32_t high1 = __umulhi(0xCD9E8D57U, c[2]);
    const std::uint32_t low1 = 0xCD9E8D57U * c[2];
    c[0] = high1 ^ c[1] ^ key0;
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ key1;
    c[3] = low0;
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return c[word];
}

struct Arguments {
  const std::int64_t* offsets;
  const std::int64_t* examples;
  const std::uint64_t* keys;
  std::int64_t elements_per_position;
  std::uint32_t site;
  std::uint32_t threshold;
  double scale;
};

// The grid has one row of blocks for each sequence. The threads of a row stride over the elements of the sequence.
template <typename Scalar>
__global__ void dropout_kernel(Scalar* values, Arguments arguments) {
  const unsigned b = blockIdx.y;
  const std::int64_t first = arguments.offsets[b] * arguments.elements_per_position;
  const std::int64_t count = arguments.offsets[b + 1] * arguments.elements_per_position - first;
  const std::uint64_t stream = dropout_stream(arguments.site, arguments.examples[b]);
  for (std::int64_t e = blockIdx.x * blockDim.x + threadIdx.x; e < count; e += gridDim.x * blockDim.x) {
    const std::uint64_t block = e / kDropoutTile * kDropoutLanes + e % kDropoutLanes;
    const int word = static_cast<int>(e % kDropoutHalf / kDropoutLanes);
    const std::uint32_t bits = philox_word(arguments.keys[b], stream, block, word);
    const std::uint32_t number = e % kDropoutTile < kDropoutHalf ? bits & 0xFFFFU : bits >> 16U;
    values[first + e] *= number < arguments.threshold ? Scalar(0) : static_cast<Scalar>(arguments.scale);
  }
}

void launch_dropout(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout) {
  constexpr unsigned kThreads = 256;
  constexpr unsigned kBlocksPerSequence = 16;
  const c10::cuda::CUDAGuard guard(values.device());
  const std::uint32_t threshold = dropout_threshold(dropout.probability);
  const Arguments arguments{segments.offsets.device,
                            streams.examples.device,
                            streams.keys.device,
                            segments.elements_per_position,
                            dropout.site,
                            threshold,
                            dropout_scale(threshold)};
  const dim3 grid(kBlocksPerSequence, static_cast<unsigned>(streams.examples.size()));
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "apply_dropout_", [&] {
    dropout_kernel<scalar_t>
        <<<grid, kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(values.mutable_data_ptr<scalar_t>(), arguments);
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace

ApplyDropout* const apply_dropout_ = launch_dropout;

}  // namespace tunescope::cuda
