#include <c10/core/DeviceGuard.h>

#include <algorithm>

#include "../../backends/training/batch_losses.hpp"
#include "../device/block_sums.hpp"
#include "../launch/launch.hpp"

namespace tunescope::cuda {
namespace {

constexpr unsigned kLossThreads = 128;
constexpr int kMostBatches = 32;

struct DeviceBatch {
  const float* logits = nullptr;
  const std::int64_t* classes = nullptr;  // null: the labels are values
  const float* values = nullptr;
  float* gradient = nullptr;
  double* loss = nullptr;
  std::int64_t examples = 0;
  std::int64_t outputs = 0;
  double share_of_example = 0.0;
  bool is_added = false;
};

struct DeviceBatches {
  DeviceBatch batches[kMostBatches] = {};
};
static_assert(sizeof(DeviceBatches) <= 4096);

struct LossSum {
  static __device__ double combined(int, double a, double b) { return a + b; }
};

// Returns the loss of an example and writes its gradient.
__device__ double cross_entropy(const float* logits, std::int64_t label, std::int64_t outputs, float share,
                                float* gradient) {
  float largest = logits[0];
  for (std::int64_t i = 1; i < outputs; ++i) largest = fmaxf(largest, logits[i]);
  float sum = 0.0F;
  for (std::int64_t i = 0; i < outputs; ++i) sum += expf(logits[i] - largest);
  const float log_sum = largest + logf(sum);
  for (std::int64_t i = 0; i < outputs; ++i) {
    gradient[i] = share * (expf(logits[i] - log_sum) - (i == label ? 1.0F : 0.0F));
  }
  return static_cast<double>(log_sum) - static_cast<double>(logits[label]);
}

__device__ double squared_error(float output, float value, float share, float* gradient) {
  const float difference = output - value;
  *gradient = share * 2.0F * difference;
  return static_cast<double>(difference) * static_cast<double>(difference);
}

// A block for each batch.
__global__ void __launch_bounds__(kLossThreads) sum_losses(const DeviceBatches all) {
  const DeviceBatch& batch = all.batches[blockIdx.x];
  const auto share = static_cast<float>(batch.share_of_example);
  double sums[1] = {};
  for (std::int64_t i = threadIdx.x; i < batch.examples; i += kLossThreads) {
    const float* const logits = batch.logits + i * batch.outputs;
    float* const gradient = batch.gradient + i * batch.outputs;
    sums[0] += batch.classes != nullptr ? cross_entropy(logits, batch.classes[i], batch.outputs, share, gradient)
                                        : squared_error(logits[0], batch.values[i], share, gradient);
  }
  combine_over_block<LossSum, kLossThreads>(sums);
  if (threadIdx.x != 0) return;
  const double loss = sums[0] * batch.share_of_example;
  *batch.loss = batch.is_added ? *batch.loss + loss : loss;
}

DeviceBatch device_batch(const LossBatch& batch, const at::Tensor& gradient) {
  const bool has_classes = batch.labels.scalar_type() == at::kLong;
  return {.logits = batch.logits.const_data_ptr<float>(),
          .classes = has_classes ? batch.labels.const_data_ptr<std::int64_t>() : nullptr,
          .values = has_classes ? nullptr : batch.labels.const_data_ptr<float>(),
          .gradient = gradient.mutable_data_ptr<float>(),
          .loss = batch.loss.mutable_data_ptr<double>(),
          .examples = batch.logits.size(0),
          .outputs = batch.logits.size(1),
          .share_of_example = batch.share / static_cast<double>(batch.logits.size(0)),
          .is_added = batch.accumulate == Accumulate::kYes};
}

void launch_losses(std::span<const LossBatch> batches, std::span<const at::Tensor> gradients) {
  const c10::DeviceGuard guard(batches.front().logits.device());
  for (std::size_t first = 0; first < batches.size(); first += kMostBatches) {
    const std::size_t count = std::min<std::size_t>(batches.size() - first, kMostBatches);
    DeviceBatches table;
    for (std::size_t i = 0; i < count; ++i) {
      table.batches[i] = device_batch(batches[first + i], gradients[first + i]);
    }
    launch(sum_losses, {static_cast<unsigned>(count), kLossThreads}, table);
  }
}

}  // namespace

BatchLosses* const batch_losses = launch_losses;

}  // namespace tunescope::cuda
