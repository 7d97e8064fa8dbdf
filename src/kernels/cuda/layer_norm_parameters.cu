#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>
#include <cstdint>

#include "../backends/layer_norm.hpp"
#include "device/rows/layer_norm_parameters.hpp"
#include "launch/launch.hpp"
#include "launch/model_launches.hpp"
#include "launch/tickets.hpp"

namespace tunescope::cuda {
namespace {

// A few for each multiprocessor of a large GPU, if there are rows enough.
constexpr std::int64_t kBlocks = 512;

std::int64_t divide_up(std::int64_t number, std::int64_t by) { return (number + by - 1) / by; }

void add_target(ModelParameterGradients& model, int kind, const GradientTarget& target) {
  if (!target.gradient.defined()) return;
  model.gradients[kind] = target.gradient.mutable_data_ptr<float>();
  model.is_added[kind] = target.accumulate == Accumulate::kYes;
}

// Fills in the models of a launch that want a gradient, from `next` on, and returns the first that is left.
std::size_t add_models(ParameterGradientsTask& task, const RowLayout& rows, std::span<const LayerNormTargets> targets,
                       std::size_t next) {
  unsigned chunks = 0;
  for (; next < targets.size() && task.model_count < unsigned{kModelsPerLaunch}; ++next) {
    const auto& [weight, bias] = targets[next];
    if (!weight.gradient.defined() && !bias.gradient.defined()) continue;
    ModelParameterGradients& model = task.models[task.model_count++];
    model.first_row = rows.model_offsets[next];
    model.end_row = rows.model_offsets[next + 1];
    model.first_chunk = chunks;
    // One at least, which sets the gradients of a model without rows to zero.
    model.chunks = static_cast<unsigned>(
        std::max<std::int64_t>(1, divide_up(model.end_row - model.first_row, task.rows_per_chunk)));
    chunks += model.chunks;
    add_target(model, 0, weight);
    add_target(model, 1, bias);
  }
  return next;
}

void launch_parameter_gradients(const at::Tensor& output_gradient, const LayerNormActivations& saved,
                                const RowLayout& rows, std::span<const LayerNormTargets> targets) {
  const c10::DeviceGuard guard(output_gradient.device());
  const std::int64_t width = output_gradient.size(1);
  const std::int64_t tiles = divide_up(width, kColumnsPerBlock);
  const std::int64_t rows_per_chunk =
      kRowsAtOnce * std::max<std::int64_t>(1, divide_up(output_gradient.size(0) * tiles, kBlocks * kRowsAtOnce));
  for (std::size_t next = 0; next < targets.size();) {
    ParameterGradientsTask task{.output_gradient = output_gradient.const_data_ptr<float>(),
                                .input = saved.input.const_data_ptr<float>(),
                                .mean = saved.mean.const_data_ptr<float>(),
                                .rstd = saved.rstd.const_data_ptr<float>(),
                                .width = width,
                                .rows_per_chunk = rows_per_chunk};
    next = add_models(task, rows, targets, next);
    if (task.model_count == 0) return;
    const ModelParameterGradients& last = task.models[task.model_count - 1];
    const unsigned chunks = last.first_chunk + last.chunks;
    const at::Tensor sums_of_chunks = at::empty({chunks, 2, width}, output_gradient.options());
    task.sums_of_chunks = sums_of_chunks.mutable_data_ptr<float>();
    task.tickets = tickets(output_gradient.device(), kModelsPerLaunch * tiles);
    const bool is_tiled = width % kColumnsPerBlock == 0 && is_aligned(task.output_gradient, kVectorBytes) &&
                          is_aligned(task.input, kVectorBytes);
    launch(is_tiled ? sum_parameter_gradients<true> : sum_parameter_gradients<false>,
           {{chunks, static_cast<unsigned>(tiles)}, kParameterThreads}, task);
  }
}

}  // namespace

ParameterGradients* const layer_norm_parameter_gradients = launch_parameter_gradients;

}  // namespace tunescope::cuda
