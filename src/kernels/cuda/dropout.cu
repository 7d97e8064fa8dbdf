#include <c10/core/DeviceGuard.h>

#include <algorithm>

#include "../backends/dropout.hpp"
#include "device/dropout.hpp"
#include "device/vector.hpp"
#include "launch/device_arguments.hpp"
#include "launch/launch.hpp"
#include "launch/model_launches.hpp"

namespace tunescope::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr int kElementsPerBlock = 8;  // of random words

// A thread computes kCount blocks of random words and so the mask of 8 kCount elements: kCount that lie together, at 8
// places that are 16 apart (see `dropout_numbers.hpp`). 16 / kCount threads share a tile of 128 elements. blockIdx.x is
// the number of the sequence; the blocks of one sequence stride over its tiles.
template <typename Scalar, int kCount>
__global__ void __launch_bounds__(kThreads)
    drop_elements(Scalar* values, const std::int64_t* offsets, std::int64_t elements_per_position,
                  DeviceDropout dropout, Scalar scale) {
  constexpr int kThreadsPerTile = kDropoutLanes / kCount;
  const std::int64_t sequence = blockIdx.x;
  const std::int64_t first = offsets[sequence] * elements_per_position;
  const std::int64_t count = offsets[sequence + 1] * elements_per_position - first;
  const std::uint64_t key = dropout.keys[sequence];
  const std::uint64_t stream = dropout_stream(dropout.site, dropout.examples[sequence]);
  const std::int64_t parts = (count + kDropoutTile - 1) / kDropoutTile * kThreadsPerTile;
  const std::int64_t step = std::int64_t{gridDim.y} * kThreads;
  for (std::int64_t part = std::int64_t{blockIdx.y} * kThreads + threadIdx.x; part < parts; part += step) {
    const std::int64_t tile = part / kThreadsPerTile;
    const auto lane = static_cast<int>(part % kThreadsPerTile) * kCount;
    const std::int64_t begin = tile * kDropoutTile + lane;
    Scalar* const own = values + first + begin;
    Vector<Scalar, kCount> numbers[kElementsPerBlock] = {};
    for (int i = 0; i < kElementsPerBlock; ++i) {
      if (begin + i * kDropoutLanes < count) numbers[i] = load<kCount>(own + i * kDropoutLanes);
    }
    for (int j = 0; j < kCount; ++j) {
      const RandomWords words = random_words(key, stream, static_cast<std::uint64_t>(tile * kDropoutLanes + lane + j));
      for (int i = 0; i < kElementsPerBlock; ++i) {
        const std::uint32_t number = i < 4 ? words.at[i % 4] & 0xFFFFU : words.at[i % 4] >> 16U;
        numbers[i].at[j] *= number >= dropout.threshold ? scale : Scalar{0};
      }
    }
    for (int i = 0; i < kElementsPerBlock; ++i) {
      if (begin + i * kDropoutLanes < count) store(own + i * kDropoutLanes, numbers[i]);
    }
  }
}

template <typename Scalar, int kCount>
void launch_in_vectors(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                       const Dropout& dropout) {
  std::int64_t longest = 0;
  for (std::size_t b = 0; b + 1 < segments.offsets.size(); ++b) {
    longest = std::max(longest, segments.offsets[b + 1] - segments.offsets[b]);
  }
  if (longest == 0) return;
  constexpr std::int64_t kMostBlocks = 65535;
  const unsigned blocks =
      blocks_for(longest * segments.elements_per_position, std::int64_t{kThreads} * kElementsPerBlock * kCount);
  const LaunchShape shape{{static_cast<unsigned>(streams.examples.size()), std::min<unsigned>(blocks, kMostBlocks)},
                          {kThreads}};
  launch(drop_elements<Scalar, kCount>, shape, values.mutable_data_ptr<Scalar>(), segments.offsets.device,
         segments.elements_per_position, device_dropout(streams, dropout),
         static_cast<Scalar>(dropout_scale(dropout_threshold(dropout.probability))));
}

void launch_dropout(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout) {
  const c10::DeviceGuard guard(values.device());
  if (values.scalar_type() == at::kDouble) {
    launch_in_vectors<double, 1>(values, segments, streams, dropout);
  } else if (take_fours(segments.elements_per_position, values.mutable_data_ptr<float>())) {
    launch_in_vectors<float, 4>(values, segments, streams, dropout);
  } else {
    launch_in_vectors<float, 1>(values, segments, streams, dropout);
  }
}

}  // namespace

ApplyDropout* const apply_dropout_ = launch_dropout;

}  // namespace tunescope::cuda
