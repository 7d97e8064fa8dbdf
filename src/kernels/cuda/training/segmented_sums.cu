#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>

#include "../../backends/training/segmented_sums.hpp"
#include "../device/block_sums.hpp"
#include "../device/segments.hpp"
#include "../device/vector.hpp"
#include "../launch/launch.hpp"

// Two launches for each 128 tensors. In the first, a block sums a chunk of a tensor; in the second, a block adds the
// sums of a tensor's chunks. What is summed is a type with the pointers of one tensor:
//
//   kNumbers               of sums
//   combined(n, a, b)      two of the n-th sums in one
//   add(i, sums)           adds the i-th element
//   add_four(i, sums)      adds four elements, if `has_vectors()`
//   finish(sums)           makes the results of the sums of all elements

namespace tunescope::cuda {
namespace {

constexpr unsigned kChunkThreads = 256;
constexpr unsigned kTensorThreads = 1024;
constexpr int kMostTensors = 128;

template <typename Summed>
using SummedTensors = Segments<Summed, kMostTensors, kSumChunk>;

template <typename Summed>
__global__ void __launch_bounds__(kChunkThreads)
    sum_chunks(const SummedTensors<Summed> tensors, double* __restrict__ sums_of_chunks) {
  constexpr int kNumbers = Summed::kNumbers;
  const int owner = tensors.owner(blockIdx.x);
  const Summed tensor = tensors.arrays[owner];
  const std::int64_t first = (blockIdx.x - tensors.first_chunks[owner]) * kSumChunk;
  const std::int64_t rest = tensor.count - first;
  const std::int64_t end = first + (rest < kSumChunk ? rest : kSumChunk);
  const std::int64_t vectors_end = tensor.has_vectors() ? end / 4 * 4 : first;
  double sums[kNumbers] = {};
  for (std::int64_t i = first + 4 * threadIdx.x; i < vectors_end; i += 4 * kChunkThreads) tensor.add_four(i, sums);
  for (std::int64_t i = vectors_end + threadIdx.x; i < end; i += kChunkThreads) tensor.add(i, sums);
  combine_over_block<Summed, kChunkThreads>(sums);
  if (threadIdx.x != 0) return;
  for (int n = 0; n < kNumbers; ++n) sums_of_chunks[blockIdx.x * std::int64_t{kNumbers} + n] = sums[n];
}

template <typename Summed>
__global__ void __launch_bounds__(kTensorThreads)
    add_chunks(const SummedTensors<Summed> tensors, const double* __restrict__ sums_of_chunks,
               double* __restrict__ results) {
  constexpr int kNumbers = Summed::kNumbers;
  double sums[kNumbers] = {};
  for (std::uint32_t chunk = tensors.first_chunks[blockIdx.x] + threadIdx.x;
       chunk < tensors.first_chunks[blockIdx.x + 1]; chunk += kTensorThreads) {
    for (int n = 0; n < kNumbers; ++n) {
      sums[n] = Summed::combined(n, sums[n], sums_of_chunks[chunk * std::int64_t{kNumbers} + n]);
    }
  }
  combine_over_block<Summed, kTensorThreads>(sums);
  if (threadIdx.x != 0) return;
  Summed::finish(sums);
  for (int n = 0; n < kNumbers; ++n) results[blockIdx.x * kNumbers + n] = sums[n];
}

// `results` is [tensors, kNumbers]; `summed` gives the pointers of a tensor.
template <typename Summed, typename Tensor>
void launch_sums(std::span<const Tensor> tensors, const at::Tensor& results, Summed (*summed)(const Tensor&)) {
  const c10::DeviceGuard guard(results.device());
  auto* next_results = results.mutable_data_ptr<double>();
  while (!tensors.empty()) {
    const std::size_t count = std::min<std::size_t>(tensors.size(), kMostTensors);
    SummedTensors<Summed> table;
    for (const Tensor& tensor : tensors.first(count)) table.add(summed(tensor));
    const std::uint32_t chunks = table.first_chunks[table.count];
    const at::Tensor sums_of_chunks = at::empty({chunks, Summed::kNumbers}, results.options());
    auto* const sums = sums_of_chunks.mutable_data_ptr<double>();
    launch(sum_chunks<Summed>, {chunks, kChunkThreads}, table, sums);
    launch(add_chunks<Summed>, {static_cast<unsigned>(count), kTensorThreads}, table, sums, next_results);
    next_results += count * Summed::kNumbers;
    tensors = tensors.subspan(count);
  }
}

struct SummedGradient {
  static constexpr int kNumbers = 1;
  const float* numbers = nullptr;
  std::int64_t count = 0;

  static __device__ double combined(int, double a, double b) { return a + b; }
  __device__ bool has_vectors() const { return is_aligned(numbers, sizeof(float4)); }
  static __device__ void add_number(float number, double (&sums)[kNumbers]) {
    sums[0] += static_cast<double>(number) * static_cast<double>(number);
  }
  __device__ void add(std::int64_t i, double (&sums)[kNumbers]) const { add_number(numbers[i], sums); }
  __device__ void add_four(std::int64_t i, double (&sums)[kNumbers]) const {
    const float4 four = *reinterpret_cast<const float4*>(numbers + i);
    add_number(four.x, sums);
    add_number(four.y, sums);
    add_number(four.z, sums);
    add_number(four.w, sums);
  }
  static __device__ void finish(double (&sums)[kNumbers]) { sums[0] = sqrt(sums[0]); }
};

struct SummedChange {
  static constexpr int kNumbers = kChangeColumns;
  const float* initial = nullptr;
  const float* trained = nullptr;
  std::int64_t count = 0;

  // A comparison leaves NaN out.
  static __device__ double combined(int n, double a, double b) {
    if (n == kLargestDifference) return b > a ? b : a;
    return a + b;
  }
  __device__ bool has_vectors() const {
    return is_aligned(initial, sizeof(float4)) && is_aligned(trained, sizeof(float4));
  }
  static __device__ void add_numbers(float before, float after, double (&sums)[kNumbers]) {
    const double start = before;
    const double difference = fabs(static_cast<double>(after) - start);
    sums[kSumOfDifferences] += difference;
    sums[kSumOfSquares] += difference * difference;
    sums[kSumOfInitialSquares] += start * start;
    sums[kLargestDifference] = combined(kLargestDifference, sums[kLargestDifference], difference);
  }
  __device__ void add(std::int64_t i, double (&sums)[kNumbers]) const { add_numbers(initial[i], trained[i], sums); }
  __device__ void add_four(std::int64_t i, double (&sums)[kNumbers]) const {
    const float4 before = *reinterpret_cast<const float4*>(initial + i);
    const float4 after = *reinterpret_cast<const float4*>(trained + i);
    add_numbers(before.x, after.x, sums);
    add_numbers(before.y, after.y, sums);
    add_numbers(before.z, after.z, sums);
    add_numbers(before.w, after.w, sums);
  }
  static __device__ void finish(double (&sums)[kNumbers]) {
    if (isnan(sums[kSumOfDifferences])) sums[kLargestDifference] = sums[kSumOfDifferences];
  }
};

void launch_gradient_norms(std::span<const at::Tensor> gradients, const at::Tensor& norms) {
  launch_sums<SummedGradient, at::Tensor>(gradients, norms, [](const at::Tensor& gradient) {
    return SummedGradient{gradient.const_data_ptr<float>(), gradient.numel()};
  });
}

void launch_parameter_changes(std::span<const ChangedTensor> tensors, const at::Tensor& changes) {
  launch_sums<SummedChange, ChangedTensor>(tensors, changes, [](const ChangedTensor& tensor) {
    return SummedChange{tensor.initial.const_data_ptr<float>(), tensor.trained.const_data_ptr<float>(),
                        tensor.initial.numel()};
  });
}

}  // namespace

GradientNorms* const gradient_norms = launch_gradient_norms;
ParameterChanges* const parameter_changes = launch_parameter_changes;

}  // namespace tunescope::cuda
