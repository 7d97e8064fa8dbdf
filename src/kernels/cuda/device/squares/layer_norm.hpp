#pragma once

#include "squared_sums.hpp"

namespace tunescope {

/// What `LayerNormActivations` holds.
struct DeviceNormalizedRows {
  const float* input = nullptr;
  const float* mean = nullptr;
  const float* rstd = nullptr;
};

inline constexpr int kNormSquaresGroups = 16;  // that a block sums at the same time

/// A block owns 32 columns, and each of its warps every sixteenth group.
static __global__ __launch_bounds__(kWarp* kNormSquaresGroups) void add_squares_of_layer_norm(DeviceSquaredSums sums,
                                                                                              MatrixRows gradients,
                                                                                              DeviceNormalizedRows rows,
                                                                                              DeviceRowGroups groups) {
  SHARED_ARRAY(double, partial, 2 * kNormSquaresGroups * static_cast<int>(kWarp));
  const std::int64_t column = std::int64_t{blockIdx.x} * kWarp + threadIdx.x;
  double of_weight = 0.0;
  double of_bias = 0.0;
  for (std::int64_t group = threadIdx.y; column < sums.outputs && group < groups.count; group += kNormSquaresGroups) {
    float weight = 0.0F;
    float bias = 0.0F;
    const std::int64_t end = groups.begin(group + 1);
    for (std::int64_t row = groups.begin(group); row < end; ++row) {
      const float gradient = gradients.data[row * gradients.stride + column];
      weight += gradient * ((rows.input[row * sums.outputs + column] - rows.mean[row]) * rows.rstd[row]);
      bias += gradient;
    }
    of_weight += static_cast<double>(weight) * static_cast<double>(weight);
    of_bias += static_cast<double>(bias) * static_cast<double>(bias);
  }
  partial[threadIdx.y * kWarp + threadIdx.x] = of_weight;
  partial[(kNormSquaresGroups + threadIdx.y) * kWarp + threadIdx.x] = of_bias;
  __syncthreads();
  if (threadIdx.y > 1 || column >= sums.outputs) return;
  double* const target = threadIdx.y == 0 ? sums.weight : sums.bias;
  if (target == nullptr) return;
  double total = 0.0;
  for (int i = 0; i < kNormSquaresGroups; ++i) {
    total += partial[(threadIdx.y * kNormSquaresGroups + i) * kWarp + threadIdx.x];
  }
  target[column] += total;
}

}  // namespace tunescope
