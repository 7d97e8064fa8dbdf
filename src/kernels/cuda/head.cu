#include <c10/core/DeviceGuard.h>

#include <algorithm>

#include "../backends/linear.hpp"
#include "device/column_sums.hpp"
#include "device/rows/row_models.hpp"
#include "device/vector.hpp"
#include "launch/launch.hpp"
#include "launch/model_launches.hpp"

namespace tunescope::cuda {
namespace {

constexpr int kRowsPerBlock = 4;  // a warp each
constexpr int kThreads = kRowsPerBlock * kWarp;

struct HeadModel {
  const float* weight;
  const float* bias;
  float* logits;
  std::int64_t first_row;
  int outputs;
};

template <int kCount>
__device__ float dot(const Vector<float, kCount>& a, const Vector<float, kCount>& b, float sum) {
  for (int i = 0; i < kCount; ++i) sum += a.at[i] * b.at[i];
  return sum;
}

// A warp computes the logits of a sequence, some at a time.
template <int kCount>
__global__ void __launch_bounds__(kThreads) compute_logits(const float* input, int width, DeviceRows rows,
                                                           ByModel<HeadModel> models, bool are_weights_aligned) {
  constexpr int kOutputs = 4;
  const std::int64_t row = rows.first_row + std::int64_t{blockIdx.x} * kRowsPerBlock + threadIdx.y;
  if (row >= rows.end_row) return;
  const HeadModel& model = models.of[rows.model_of(row)];
  for (int first = 0; first < model.outputs; first += kOutputs) {
    float sums[kOutputs] = {};
    for (int column = static_cast<int>(threadIdx.x) * kCount; column < width; column += kColumnsPerWarp<kCount>) {
      const Vector<float, kCount> x = load<kCount>(input + row * width + column);
      for (int i = 0; i < kOutputs; ++i) {
        if (first + i >= model.outputs) break;
        const float* const weight = model.weight + std::int64_t{first + i} * width + column;
        sums[i] = dot(x, load<kCount>(weight, are_weights_aligned), sums[i]);
      }
    }
    for (int i = 0; i < kOutputs; ++i) {
      if (first + i >= model.outputs) break;
      const float sum = sum_of_warp(sums[i]);
      if (threadIdx.x == 0) {
        const float bias = model.bias == nullptr ? 0.0F : model.bias[first + i];
        model.logits[(row - model.first_row) * model.outputs + first + i] = sum + bias;
      }
    }
  }
}

// `gradients` is null if the model's logits have none.
struct HeadModelGradient {
  const float* weight;
  const float* gradients;
  std::int64_t first_row;
  int outputs;
};

// A warp computes some columns of a row: blockIdx.y is their number.
template <int kCount>
__global__ void __launch_bounds__(kThreads)
    multiply_by_weights(DeviceRows rows, ByModel<HeadModelGradient> models, bool are_weights_aligned, int width,
                        float* input_gradient) {
  const std::int64_t row = rows.first_row + std::int64_t{blockIdx.x} * kRowsPerBlock + threadIdx.y;
  const int column = static_cast<int>(blockIdx.y * kWarp + threadIdx.x) * kCount;
  if (row >= rows.end_row || column >= width) return;
  const HeadModelGradient& model = models.of[rows.model_of(row)];
  Vector<float, kCount> sums = {};
  if (model.gradients != nullptr) {
    for (int output = 0; output < model.outputs; ++output) {
      const float gradient = model.gradients[(row - model.first_row) * model.outputs + output];
      const auto weight = load<kCount>(model.weight + std::int64_t{output} * width + column, are_weights_aligned);
      for (int i = 0; i < kCount; ++i) sums.at[i] += gradient * weight.at[i];
    }
  }
  store(input_gradient + row * width + column, sums);
}

// Targets are null if not wanted. No outputs: the model's logits have no gradient.
struct HeadModelTargets {
  const float* gradients;
  float* weight;
  float* bias;
  std::int64_t first_row;
  std::int64_t rows;
  int outputs;
  bool accumulate_weight;
  bool accumulate_bias;
};

__device__ inline void write(float& target, float sum, bool accumulate) { target = accumulate ? target + sum : sum; }

// A block sums over the sequences of model blockIdx.z for some columns, of number blockIdx.x, of the weight of output
// blockIdx.y. The first columns' block sums the gradient of the bias too.
template <int kCount>
__global__ void __launch_bounds__(kSummingThreads)
    sum_outer_products(const float* input, int width, ByModel<HeadModelTargets> models) {
  using Numbers = Vector<float, kCount>;
  SHARED_ARRAY(Numbers, shared, kSummingThreads);
  SHARED_ARRAY(float, bias_sums, kSummingWarps);
  const HeadModelTargets& model = models.of[blockIdx.z];
  const int output = static_cast<int>(blockIdx.y);
  if (output >= model.outputs) return;
  const int first_column = static_cast<int>(blockIdx.x) * kColumnsPerWarp<kCount>;
  const int column = first_column + static_cast<int>(threadIdx.x) * kCount;
  const int thread = static_cast<int>(threadIdx.y * kWarp + threadIdx.x);
  Numbers sums = {};
  float sum_of_gradients = 0.0F;
  for (std::int64_t row = threadIdx.y; row < model.rows; row += kSummingWarps) {
    const float gradient = model.gradients[row * model.outputs + output];
    sum_of_gradients += gradient;
    if (column >= width) continue;
    const Numbers x = load<kCount>(input + (model.first_row + row) * width + column);
    for (int i = 0; i < kCount; ++i) sums.at[i] += gradient * x.at[i];
  }
  if (threadIdx.x == 0) bias_sums[threadIdx.y] = sum_of_gradients;
  const float sum = sum_over_warps(shared, sums);
  const bool has_sum = thread < kColumnsPerWarp<kCount> && first_column + thread < width;
  if (has_sum && model.weight != nullptr) {
    write(model.weight[std::int64_t{output} * width + first_column + thread], sum, model.accumulate_weight);
  }
  if (blockIdx.x != 0 || thread != 0 || model.bias == nullptr) return;
  float bias_sum = 0.0F;
  for (int warp = 0; warp < kSummingWarps; ++warp) bias_sum += bias_sums[warp];
  write(model.bias[output], bias_sum, model.accumulate_bias);
}

bool take_fours_of_weights(const PerModelTensors& weight, std::int64_t width) {
  return width % 4 == 0 && are_aligned(weight);
}

void launch_logits(const at::Tensor& input, const PerModelTensors& weight, const PerModelTensors& bias,
                   const RowLayout& rows, std::span<const at::Tensor> logits) {
  const c10::DeviceGuard guard(input.device());
  const float* const numbers = input.const_data_ptr<float>();
  const std::int64_t width = input.size(1);
  for_each_launch(rows, [&](const LaunchModels& models, const DeviceRows& of_launch) {
    const auto heads = models.table([&](std::size_t model) {
      return HeadModel{
          weight[model].const_data_ptr<float>(), bias[model].defined() ? bias[model].const_data_ptr<float>() : nullptr,
          logits[model].mutable_data_ptr<float>(), rows.model_offsets[model], static_cast<int>(weight[model].size(0))};
    });
    launch(take_fours(width, numbers) ? compute_logits<4> : compute_logits<1>,
           {{blocks_for(of_launch.end_row - of_launch.first_row, kRowsPerBlock)}, {kWarp, kRowsPerBlock}}, numbers,
           static_cast<int>(width), of_launch, heads, take_fours_of_weights(weight, width));
  });
}

void launch_input_gradient(std::span<const at::Tensor> logit_gradients, const PerModelTensors& weight,
                           const RowLayout& rows, const at::Tensor& gradient) {
  const std::int64_t width = gradient.size(1);
  if (width == 0) return;
  const c10::DeviceGuard guard(gradient.device());
  float* const numbers = gradient.mutable_data_ptr<float>();
  const bool in_fours = take_fours(width, numbers);
  for_each_launch(rows, [&](const LaunchModels& models, const DeviceRows& of_launch) {
    const auto heads = models.table([&](std::size_t model) {
      const at::Tensor& own = logit_gradients[model];
      return HeadModelGradient{weight[model].const_data_ptr<float>(),
                               own.defined() ? own.const_data_ptr<float>() : nullptr, rows.model_offsets[model],
                               static_cast<int>(weight[model].size(0))};
    });
    launch(in_fours ? multiply_by_weights<4> : multiply_by_weights<1>,
           {{blocks_for(of_launch.end_row - of_launch.first_row, kRowsPerBlock),
             blocks_for(width, kWarp * (in_fours ? 4 : 1))},
            {kWarp, kRowsPerBlock}},
           of_launch, heads, take_fours_of_weights(weight, width), static_cast<int>(width), numbers);
  });
}

float* pointer(const GradientTarget& target) {
  return target.gradient.defined() ? target.gradient.mutable_data_ptr<float>() : nullptr;
}

void launch_parameter_gradients(std::span<const at::Tensor> logit_gradients, const at::Tensor& input,
                                const RowLayout& rows, std::span<const HeadTargets> targets) {
  const c10::DeviceGuard guard(input.device());
  const float* const numbers = input.const_data_ptr<float>();
  const std::int64_t width = input.size(1);
  const bool in_fours = take_fours(width, numbers);
  for_each_launch(targets.size(), [&](const LaunchModels& models) {
    int most_outputs = 0;
    const auto heads = models.table([&](std::size_t model) {
      const at::Tensor& own = logit_gradients[model];
      const auto& [of_weight, of_bias] = targets[model];
      if (!own.defined()) return HeadModelTargets{};
      const HeadModelTargets head{own.const_data_ptr<float>(),
                                  pointer(of_weight),
                                  pointer(of_bias),
                                  rows.model_offsets[model],
                                  own.size(0),
                                  static_cast<int>(own.size(1)),
                                  of_weight.accumulate == Accumulate::kYes,
                                  of_bias.accumulate == Accumulate::kYes};
      if (head.weight == nullptr && head.bias == nullptr) return HeadModelTargets{};
      most_outputs = std::max(most_outputs, head.outputs);
      return head;
    });
    if (most_outputs == 0) return;
    launch(in_fours ? sum_outer_products<4> : sum_outer_products<1>,
           {{blocks_for(width, kWarp * (in_fours ? 4 : 1)), static_cast<unsigned>(most_outputs),
             static_cast<unsigned>(models.count)},
            {kWarp, kSummingWarps}},
           numbers, static_cast<int>(width), heads);
  });
}

}  // namespace

HeadLogits* const head_logits = launch_logits;
HeadInputGradient* const head_input_gradient = launch_input_gradient;
HeadParameterGradients* const head_parameter_gradients = launch_parameter_gradients;

}  // namespace tunescope::cuda
