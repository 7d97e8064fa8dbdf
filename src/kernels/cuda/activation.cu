#include <c10/core/DeviceGuard.h>
#include <c10/util/BFloat16.h>

#include "../backends/activation.hpp"
#include "device/activation.hpp"
#include "device/rows/row_models.hpp"
#include "device/vector.hpp"
#include "launch/launch.hpp"
#include "launch/model_launches.hpp"

namespace tunescope::cuda {
namespace {

constexpr int kRowsPerBlock = 8;  // a warp each
constexpr int kThreads = kRowsPerBlock * kWarp;
constexpr int kVectors = 4;  // of a thread, so that it waits for four loads at once

// Where results go; null: not wanted.
struct Results {
  float* own;
  c10::BFloat16* bfloat16;
};

template <int kCount>
__device__ void store_result(const Results& results, std::int64_t place, const Vector<float, kCount>& values) {
  if (results.own != nullptr) store(results.own + place, values);
  if (results.bfloat16 == nullptr) return;
  Vector<c10::BFloat16, kCount> rounded;
  for (int i = 0; i < kCount; ++i) rounded.at[i] = c10::BFloat16(values.at[i]);
  store(results.bfloat16 + place, rounded);
}

// A warp takes kVectors vectors in each of its lanes of one row: blockIdx.y is the number of this part of the row.
template <typename Function, int kCount>
__global__ void __launch_bounds__(kThreads)
    add_bias_and_activate(DeviceRows rows, ByModel<const float*> biases, bool are_biases_aligned, float* values,
                          int width, Results results) {
  const std::int64_t row = rows.first_row + std::int64_t{blockIdx.x} * kRowsPerBlock + threadIdx.y;
  if (row >= rows.end_row) return;
  const float* const bias = biases.of[rows.model_of(row)];
  const int first = static_cast<int>((blockIdx.y * kVectors * kWarp + threadIdx.x) * kCount);
  constexpr int kStep = static_cast<int>(kWarp) * kCount;
  Vector<float, kCount> x[kVectors] = {};
  for (int i = 0; i < kVectors; ++i) {
    const int column = first + i * kStep;
    if (column < width) x[i] = load<kCount>(values + row * width + column);
  }
  for (int i = 0; i < kVectors; ++i) {
    const int column = first + i * kStep;
    if (column >= width) return;
    add(x[i], load<kCount>(bias + column, are_biases_aligned));
    store(values + row * width + column, x[i]);
    Vector<float, kCount> activated;
    for (int j = 0; j < kCount; ++j) activated.at[j] = Function::value(x[i].at[j]);
    store_result(results, row * width + column, activated);
  }
}

template <typename Function, int kCount>
__global__ void __launch_bounds__(kThreads)
    differentiate_activation(const float* inputs, const float* output_gradients, std::int64_t count, Results results) {
  constexpr int kStep = kThreads * kCount;
  const std::int64_t first = std::int64_t{blockIdx.x} * kVectors * kStep + threadIdx.x * kCount;
  Vector<float, kCount> x[kVectors] = {};
  Vector<float, kCount> gradient[kVectors] = {};
  for (int i = 0; i < kVectors; ++i) {
    const std::int64_t place = first + i * kStep;
    if (place >= count) break;
    x[i] = load<kCount>(inputs + place);
    gradient[i] = load<kCount>(output_gradients + place);
  }
  for (int i = 0; i < kVectors; ++i) {
    const std::int64_t place = first + i * kStep;
    if (place >= count) return;
    for (int j = 0; j < kCount; ++j) gradient[i].at[j] = Function::gradient(x[i].at[j], gradient[i].at[j]);
    store_result(results, place, gradient[i]);
  }
}

// Calls `work` with an object of the activation's type.
template <typename Work>
void with_function(Activation activation, Work work) {
  switch (activation) {
    case Activation::kGelu:
      return work(Gelu());
    case Activation::kGeluTanh:
      return work(GeluTanh());
    case Activation::kRelu:
      return work(Relu());
    case Activation::kSilu:
      return work(Silu());
    case Activation::kTanh:
      return work(Tanh());
  }
}

Results results_of(const TypedResult& result) {
  return {.own = result.own.defined() ? result.own.mutable_data_ptr<float>() : nullptr,
          .bfloat16 = result.bfloat16.defined() ? result.bfloat16.mutable_data_ptr<c10::BFloat16>() : nullptr};
}

void launch_bias_activation(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                            const RowLayout& rows, const TypedResult& output) {
  const c10::DeviceGuard guard(values.device());
  const std::int64_t width = values.size(1);
  if (width == 0) return;
  float* const numbers = values.mutable_data_ptr<float>();
  const Results results = results_of(output);
  const bool in_fours = take_fours(width, numbers, results.own, results.bfloat16);
  const std::int64_t part = kVectors * kWarp * (in_fours ? 4 : 1);
  for_each_launch(rows, [&](const LaunchModels& models, const DeviceRows& of_launch) {
    const auto biases =
        models.table([&](std::size_t model) -> const float* { return bias[model].const_data_ptr<float>(); });
    const LaunchShape shape{
        {blocks_for(of_launch.end_row - of_launch.first_row, kRowsPerBlock), blocks_for(width, part)},
        {kWarp, kRowsPerBlock}};
    with_function(activation, [&](auto function) {
      using Function = decltype(function);
      launch(in_fours ? add_bias_and_activate<Function, 4> : add_bias_and_activate<Function, 1>, shape, of_launch,
             biases, are_aligned(bias), numbers, static_cast<int>(width), results);
    });
  });
}

void launch_activation_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient,
                                const TypedResult& gradient) {
  const std::int64_t count = input.numel();
  if (count == 0) return;
  const c10::DeviceGuard guard(input.device());
  const float* const inputs = input.const_data_ptr<float>();
  const float* const gradients = output_gradient.const_data_ptr<float>();
  const Results results = results_of(gradient);
  const bool in_fours = take_fours(count, inputs, gradients, results.own, results.bfloat16);
  const LaunchShape shape{{blocks_for(count, std::int64_t{kThreads} * kVectors * (in_fours ? 4 : 1))}, {kThreads}};
  with_function(activation, [&](auto function) {
    using Function = decltype(function);
    launch(in_fours ? differentiate_activation<Function, 4> : differentiate_activation<Function, 1>, shape, inputs,
           gradients, count, results);
  });
}

}  // namespace

BiasActivation* const bias_activation = launch_bias_activation;
ActivationBackward* const activation_backward = launch_activation_backward;

}  // namespace tunescope::cuda
