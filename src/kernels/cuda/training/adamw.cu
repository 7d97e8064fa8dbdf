#include <c10/core/DeviceGuard.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cmath>

#include "../../backends/training/adamw.hpp"
#include "../device/segments.hpp"
#include "../device/vector.hpp"
#include "../launch/launch.hpp"

namespace tunescope::cuda {
namespace {

constexpr unsigned kUpdateThreads = 256;
constexpr std::int64_t kUpdateChunk = 4096;
constexpr int kMostUpdates = 32;

struct alignas(8) FourBfloat16 {
  c10::BFloat16 numbers[4];
};

// One step of one model: its pointers, and its numbers as the kernel multiplies with them.
struct DeviceUpdate {
  float* values = nullptr;
  const float* gradients = nullptr;
  float* first_moments = nullptr;
  float* second_moments = nullptr;
  c10::BFloat16* rounded = nullptr;
  const double* loss = nullptr;
  const double* norm = nullptr;
  int* diverged = nullptr;
  std::int64_t count = 0;
  std::int64_t decayed_count = 0;
  float clip_norm = 0.0F;
  float kept_by_decay = 1.0F;
  float step_size = 0.0F;          // with the correction of the first moments
  float second_correction = 1.0F;  // a factor on the square root of the second moments
  float epsilon = 0.0F;
  float new_of_first = 0.0F;  // 1 - beta1
  float beta2 = 0.0F;
  float new_of_second = 0.0F;  // 1 - beta2

  __device__ bool has_vectors() const {
    return is_aligned(values, sizeof(float4)) && is_aligned(gradients, sizeof(float4)) &&
           is_aligned(first_moments, sizeof(float4)) && is_aligned(second_moments, sizeof(float4)) &&
           is_aligned(rounded, sizeof(FourBfloat16));
  }

  __device__ float gradient_factor() const {
    if (clip_norm <= 0.0F) return 1.0F;
    const double factor = clip_norm / (*norm + 1e-6);
    return factor < 1.0 ? static_cast<float>(factor) : 1.0F;
  }

  __device__ float kept(std::int64_t i) const { return i < decayed_count ? kept_by_decay : 1.0F; }

  // `gradient` is clipped.
  __device__ float updated(float value, float gradient, float& first_moment, float& second_moment, float kept) const {
    first_moment += new_of_first * (gradient - first_moment);
    second_moment = beta2 * second_moment + new_of_second * gradient * gradient;
    return value * kept - step_size * first_moment / (sqrtf(second_moment) * second_correction + epsilon);
  }

  __device__ void update(std::int64_t i, float factor) const {
    const float value = updated(values[i], gradients[i] * factor, first_moments[i], second_moments[i], kept(i));
    values[i] = value;
    if (rounded != nullptr && i < decayed_count) rounded[i] = c10::BFloat16(value);
  }

  __device__ void update_four(std::int64_t i, float factor) const {
    float4 value = *reinterpret_cast<const float4*>(values + i);
    const float4 gradient = *reinterpret_cast<const float4*>(gradients + i);
    float4 first = *reinterpret_cast<const float4*>(first_moments + i);
    float4 second = *reinterpret_cast<const float4*>(second_moments + i);
    value.x = updated(value.x, gradient.x * factor, first.x, second.x, kept(i));
    value.y = updated(value.y, gradient.y * factor, first.y, second.y, kept(i + 1));
    value.z = updated(value.z, gradient.z * factor, first.z, second.z, kept(i + 2));
    value.w = updated(value.w, gradient.w * factor, first.w, second.w, kept(i + 3));
    *reinterpret_cast<float4*>(values + i) = value;
    *reinterpret_cast<float4*>(first_moments + i) = first;
    *reinterpret_cast<float4*>(second_moments + i) = second;
    if (rounded == nullptr) return;
    const FourBfloat16 four = {{value.x, value.y, value.z, value.w}};
    if (i + 4 <= decayed_count) {
      *reinterpret_cast<FourBfloat16*>(rounded + i) = four;
    } else {
      for (int n = 0; n < 4; ++n) {
        if (i + n < decayed_count) rounded[i + n] = four.numbers[n];
      }
    }
  }
};

using DeviceUpdates = Segments<DeviceUpdate, kMostUpdates, kUpdateChunk>;
static_assert(sizeof(DeviceUpdates) <= 4096);

__global__ void __launch_bounds__(kUpdateThreads) update_chunks(const DeviceUpdates updates) {
  const int owner = updates.owner(blockIdx.x);
  const DeviceUpdate& update = updates.arrays[owner];
  const std::int64_t first = (blockIdx.x - updates.first_chunks[owner]) * kUpdateChunk;
  // Either the mark is written in a launch, or it is read: no block waits for another.
  if (!isfinite(*update.loss) || !isfinite(*update.norm)) {
    if (first == 0 && threadIdx.x == 0) *update.diverged = 1;
    return;
  }
  if (*update.diverged != 0) return;
  const float factor = update.gradient_factor();
  const std::int64_t rest = update.count - first;
  const std::int64_t end = first + (rest < kUpdateChunk ? rest : kUpdateChunk);
  const std::int64_t vectors_end = update.has_vectors() ? end / 4 * 4 : first;
  for (std::int64_t i = first + 4 * threadIdx.x; i < vectors_end; i += 4 * kUpdateThreads) {
    update.update_four(i, factor);
  }
  for (std::int64_t i = vectors_end + threadIdx.x; i < end; i += kUpdateThreads) update.update(i, factor);
}

DeviceUpdate device_update(const AdamWUpdate& update) {
  const auto& [values, gradients, first_moments, second_moments, decayed_count, rounded] = update.buffers;
  const AdamWStep& step = update.step;
  const auto number = static_cast<double>(step.number);
  return {.values = values.mutable_data_ptr<float>(),
          .gradients = gradients.const_data_ptr<float>(),
          .first_moments = first_moments.mutable_data_ptr<float>(),
          .second_moments = second_moments.mutable_data_ptr<float>(),
          .rounded = rounded.defined() ? rounded.mutable_data_ptr<c10::BFloat16>() : nullptr,
          .loss = update.loss.const_data_ptr<double>(),
          .norm = update.norm.const_data_ptr<double>(),
          .diverged = update.diverged.mutable_data_ptr<int>(),
          .count = values.numel(),
          .decayed_count = decayed_count,
          .clip_norm = static_cast<float>(step.clip_norm),
          .kept_by_decay = static_cast<float>(1.0 - step.learning_rate * step.weight_decay),
          .step_size = static_cast<float>(step.learning_rate / (1.0 - std::pow(step.beta1, number))),
          .second_correction = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(step.beta2, number))),
          .epsilon = static_cast<float>(step.epsilon),
          .new_of_first = static_cast<float>(1.0 - step.beta1),
          .beta2 = static_cast<float>(step.beta2),
          .new_of_second = static_cast<float>(1.0 - step.beta2)};
}

void launch_adamw_step(std::span<const AdamWUpdate> updates) {
  const c10::DeviceGuard guard(updates.front().buffers.values.device());
  while (!updates.empty()) {
    const std::size_t count = std::min<std::size_t>(updates.size(), kMostUpdates);
    DeviceUpdates table;
    for (const AdamWUpdate& update : updates.first(count)) table.add(device_update(update));
    launch(update_chunks, {table.first_chunks[table.count], kUpdateThreads}, table);
    updates = updates.subspan(count);
  }
}

}  // namespace

AdamWSteps* const adamw_step_ = launch_adamw_step;

}  // namespace tunescope::cuda
