#pragma once

#include "register_row.hpp"
#include "row_models.hpp"

namespace tunescope {

// Layer normalization of rows that stay in registers from the first read to the last write. The mean comes first and
// then the variance, from the differences: as accurate as on the CPU. See `residual_layer_norm` and so on; pointers to
// results that are not wanted are null.

/// A vector [H], or a table of such rows, of each model of a launch.
using ModelVectors = ByModel<const float*>;

/// The rows of a launch, in their sequences.
struct LayerNormRows {
  DeviceRows rows;
  const std::int64_t* sequence_offsets = nullptr;
  std::int64_t width = 0;

  struct Place {
    std::int64_t sequence = 0;
    int model = 0;                   ///< counted from the first of the launch
    std::int64_t first_element = 0;  ///< of the row, counted from the first of its sequence
  };
  __device__ Place place_of(std::int64_t row) const {
    const std::int64_t sequence = rows.row_sequences[row];
    return {sequence, rows.model_of(row), (row - sequence_offsets[sequence]) * width};
  }
};

struct DeviceLayerNorm {
  ModelVectors weight, bias;
  float epsilon = 0.0F;
  float* mean = nullptr;
  float* rstd = nullptr;
};

/// Where the rows of y go.
struct NormalizedRows {
  float* values = nullptr;
  c10::BFloat16* bfloat16 = nullptr;
  float* squares = nullptr;
};

/// Replaces the numbers of a row by its normalization.
template <typename Row>
__device__ __forceinline__ void normalize(const DeviceLayerNorm& norm, const Row& row, std::int64_t index, int model,
                                          float (&numbers)[Row::kCount]) {
  float sum[1] = {0.0F};
  for (int i = 0; i < Row::kCount; ++i) sum[0] += numbers[i];
  row.add_up(sum);
  const float mean = sum[0] / row.width();
  float squares[1] = {0.0F};
  for (int i = 0; i < Row::kCount; ++i) {
    numbers[i] -= mean;
    if (row.has(i)) squares[0] += numbers[i] * numbers[i];
  }
  row.add_up(squares);
  const float rstd = 1.0F / sqrtf(squares[0] / row.width() + norm.epsilon);
  if (row.is_first_thread()) {
    norm.mean[index] = mean;
    norm.rstd[index] = rstd;
  }
  float weight[Row::kCount];
  float bias[Row::kCount];
  row.load_parameter(norm.weight.of[model], weight);
  row.load_parameter(norm.bias.of[model], bias);
  for (int i = 0; i < Row::kCount; ++i) numbers[i] = numbers[i] * rstd * weight[i] + bias[i];
}

/// Writes the sum of the squares of a row's numbers, unless it is not wanted.
template <typename Row>
__device__ __forceinline__ void store_squares(const Row& row, std::int64_t index, const float (&numbers)[Row::kCount],
                                              float* squares) {
  if (squares == nullptr) return;
  float sum[1] = {0.0F};
  for (int i = 0; i < Row::kCount; ++i) {
    if (row.has(i)) sum[0] += numbers[i] * numbers[i];
  }
  row.add_up(sum);
  if (row.is_first_thread()) squares[index] = sum[0];
}

template <typename Row>
__device__ __forceinline__ void store_normalized(const NormalizedRows& rows, const Row& row, std::int64_t index,
                                                 std::int64_t first, const float (&numbers)[Row::kCount]) {
  row.store(numbers, rows.values + first);
  if (rows.bfloat16 != nullptr) row.store(numbers, rows.bfloat16 + first);
  store_squares(row, index, numbers, rows.squares);
}

struct ResidualLayerNormTask {
  LayerNormRows rows;
  DeviceDropout dropout;
  ModelVectors bias;
  float* input = nullptr;  // x, then the sum
  const float* residual = nullptr;
  float* branch_squares = nullptr;
  DeviceLayerNorm norm;
  NormalizedRows output;
};

template <typename Row>
__global__ void __launch_bounds__(Row::kThreads) normalize_residual_sums(ResidualLayerNormTask task) {
  const Row row(task.rows.width);
  const std::int64_t index = task.rows.rows.first_row + Row::index();
  if (index >= task.rows.rows.end_row) return;
  const std::int64_t first = index * task.rows.width;
  float sum[Row::kCount];
  float residual[Row::kCount];
  row.load(task.input + first, sum);
  row.load(task.residual + first, residual);
  const LayerNormRows::Place place = task.rows.place_of(index);
  float bias[Row::kCount];
  row.load_parameter(task.bias.of[place.model], bias);
  for (int i = 0; i < Row::kCount; ++i) sum[i] += bias[i];
  row.drop(task.dropout, place.sequence, place.first_element, sum);
  store_squares(row, index, sum, task.branch_squares);
  for (int i = 0; i < Row::kCount; ++i) sum[i] += residual[i];
  row.store(sum, task.input + first);
  normalize(task.norm, row, index, place.model, sum);
  store_normalized(task.output, row, index, first, sum);
}

/// The rows of a table that are added to the rows of a sum.
struct DeviceLookup {
  ModelVectors table;
  const std::int64_t* ids = nullptr;
};
inline constexpr int kLookupsPerLaunch = 4;

struct EmbeddingLayerNormTask {
  LayerNormRows rows;
  DeviceDropout dropout_of_sum, dropout_of_output;
  DeviceLookup lookups[kLookupsPerLaunch] = {};
  int lookup_count = 0;
  float* input = nullptr;  // the sum
  DeviceLayerNorm norm;
  NormalizedRows output;
};

template <typename Row>
__global__ void __launch_bounds__(Row::kThreads) normalize_embeddings(EmbeddingLayerNormTask task) {
  const Row row(task.rows.width);
  const std::int64_t index = task.rows.rows.first_row + Row::index();
  if (index >= task.rows.rows.end_row) return;
  const std::int64_t first = index * task.rows.width;
  const LayerNormRows::Place place = task.rows.place_of(index);
  float sum[Row::kCount] = {};
  for (int l = 0; l < task.lookup_count; ++l) {
    const DeviceLookup& lookup = task.lookups[l];
    float found[Row::kCount];
    row.load_parameter(lookup.table.of[place.model] + lookup.ids[index] * task.rows.width, found);
    for (int i = 0; i < Row::kCount; ++i) sum[i] += found[i];
  }
  row.drop(task.dropout_of_sum, place.sequence, place.first_element, sum);
  row.store(sum, task.input + first);
  normalize(task.norm, row, index, place.model, sum);
  row.drop(task.dropout_of_output, place.sequence, place.first_element, sum);
  store_normalized(task.output, row, index, first, sum);
}

struct ResidualLayerNormBackwardTask {
  LayerNormRows rows;
  DeviceDropout dropout;
  ModelVectors weight;
  const float* output_gradient = nullptr;
  const float* sum_gradient = nullptr;  // null: none
  const float* input = nullptr;
  const float* mean = nullptr;
  const float* rstd = nullptr;
  float* residual = nullptr;
  float* branch = nullptr;  // null if it is the same as `residual`
  c10::BFloat16* branch_bfloat16 = nullptr;
  float* output_squares = nullptr;  // of the gradient of y
  float* residual_squares = nullptr;
};

// With g = dy w and x̂ the normalized row: dx = rstd (g - mean of g - x̂ mean of g x̂).
template <typename Row>
__global__ void __launch_bounds__(Row::kThreads) differentiate_residual_sums(ResidualLayerNormBackwardTask task) {
  const Row row(task.rows.width);
  const std::int64_t index = task.rows.rows.first_row + Row::index();
  if (index >= task.rows.rows.end_row) return;
  const std::int64_t first = index * task.rows.width;
  float gradient[Row::kCount];
  float centered[Row::kCount];
  row.load(task.output_gradient + first, gradient);
  row.load(task.input + first, centered);
  const float mean = task.mean[index];
  const float rstd = task.rstd[index];
  const LayerNormRows::Place place = task.rows.place_of(index);
  float weight[Row::kCount];
  row.load_parameter(task.weight.of[place.model], weight);
  store_squares(row, index, gradient, task.output_squares);
  float sums[2] = {0.0F, 0.0F};  // of g, and of g (x - mean)
  for (int i = 0; i < Row::kCount; ++i) {
    gradient[i] *= weight[i];
    centered[i] -= mean;
    sums[0] += gradient[i];
    sums[1] += gradient[i] * centered[i];
  }
  row.add_up(sums);
  const float mean_gradient = sums[0] / row.width();
  const float slope = sums[1] * rstd * rstd / row.width();
  for (int i = 0; i < Row::kCount; ++i) gradient[i] = rstd * (gradient[i] - mean_gradient - centered[i] * slope);
  if (task.sum_gradient != nullptr) {
    row.load(task.sum_gradient + first, centered);
    for (int i = 0; i < Row::kCount; ++i) gradient[i] += centered[i];
  }
  row.store(gradient, task.residual + first);
  store_squares(row, index, gradient, task.residual_squares);
  row.drop(task.dropout, place.sequence, place.first_element, gradient);
  if (task.branch != nullptr) row.store(gradient, task.branch + first);
  if (task.branch_bfloat16 != nullptr) row.store(gradient, task.branch_bfloat16 + first);
}

}  // namespace tunescope
