#include "convolution.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdlib>

#include "tunescope/kernels/linear.hpp"
#include "tunescope/kernels/matmul.hpp"

namespace tunescope {
namespace {

// Calls `work(tap, first row of windows, first row of the input, rows)` for the taps that lie within a sequence.
template <typename Work>
void for_each_tap(const RowLayout& rows, std::int64_t kernel, Work work) {
  const std::span<const std::int64_t> offsets = rows.sequence_offsets.host;
  for (std::int64_t tap = 0; tap < kernel; ++tap) {
    const std::int64_t shift = tap - kernel / 2;
    for (std::size_t b = 0; b + 1 < offsets.size(); ++b) {
      const std::int64_t count = offsets[b + 1] - offsets[b] - std::abs(shift);
      const std::int64_t first = offsets[b] + std::max<std::int64_t>(0, -shift);
      if (count > 0) work(tap, first, first + shift, count);
    }
  }
}

// [T, H] to [T, H kernel].
at::Tensor windows_of(const at::Tensor& input, const RowLayout& rows, std::int64_t kernel) {
  const at::Tensor windows = at::zeros({input.size(0), input.size(1), kernel}, input.options());
  for_each_tap(rows, kernel, [&](std::int64_t tap, std::int64_t to, std::int64_t from, std::int64_t count) {
    windows.select(2, tap).narrow(0, to, count).copy_(input.narrow(0, from, count));
  });
  return windows.flatten(1);
}

// The gradient of the input from that of the windows.
at::Tensor add_up_windows(const at::Tensor& windows, const RowLayout& rows, std::int64_t kernel) {
  const at::Tensor by_tap = windows.unflatten(1, {-1, kernel});
  at::Tensor input = at::zeros({windows.size(0), by_tap.size(1)}, windows.options());
  for_each_tap(rows, kernel, [&](std::int64_t tap, std::int64_t to, std::int64_t from, std::int64_t count) {
    input.narrow(0, from, count).add_(by_tap.select(2, tap).narrow(0, to, count));
  });
  return input;
}

// Calls `work(weight, of_rows, outputs, inputs)` for each group of each model, or of all if they share the weight: the
// weight [O / groups, H kernel / groups], the rows of a tensor that are the model's, and the columns of the group.
template <typename Work>
void for_each_group(const Recording& pass, const RowLayout& rows, const Convolution& layer, Work work) {
  const ModelParameters& parameters = pass.parameters();
  const bool is_shared = parameters.is_shared(layer.parameters.weight);
  for (std::size_t model = 0; model < (is_shared ? 1 : rows.model_count()); ++model) {
    const at::Tensor whole = parameters.operand(model, parameters.of(model, layer.parameters.weight)).flatten(1);
    const auto of_rows = [&](const at::Tensor& all) { return is_shared ? all : rows.of_model(all, model); };
    const std::int64_t outputs = whole.size(0) / layer.groups;
    for (std::int64_t group = 0; group < layer.groups; ++group) {
      const auto outputs_of = [&, group](const at::Tensor& all) {
        return of_rows(all).narrow(1, group * outputs, outputs);
      };
      const auto inputs_of = [&, group](const at::Tensor& all) {
        return of_rows(all).narrow(1, group * whole.size(1), whole.size(1));
      };
      work(whole.narrow(0, group * outputs, outputs), outputs_of, inputs_of);
    }
  }
}

}  // namespace

Value convolution(Recording& pass, const Convolution& layer, const Value& input) {
  const RowLayout& rows = *input.rows;
  const LinearParameters& parameters = layer.parameters;
  const at::Tensor& weight = pass.parameters().first(parameters.weight);
  const std::int64_t kernel = weight.size(2);
  const bool is_needed = pass.use(parameters) || input.slot;
  const at::Tensor windows = windows_of(pass.operand(input), rows, kernel);
  at::Tensor output = at::empty({windows.size(0), weight.size(0)}, weight.options());
  const std::vector<PerModelTensors> bias = {pass.parameters().of_each(parameters.bias)};
  fill_with_bias(output, bias, rows);
  pass.count_forward(windows.size(0), weight.numel());
  for_each_group(pass, rows, layer, [&](const at::Tensor& own, const auto& outputs_of, const auto& inputs_of) {
    matmul(inputs_of(windows), own.t(), outputs_of(output), Accumulate::kYes);
  });
  return pass.record(output, rows, is_needed,
                     [&pass, &rows, layer, kernel, width = windows.size(1), size = weight.numel(),
                      factor = pass.factor({&parameters, 1}, windows),
                      slot = input.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       const bool is_multiplied = slot || factor.defined();
                       const TypedResult gradient = is_multiplied ? pass.rounded(outputs.front()) : outputs.front();
                       pass.on_linear(rows, {&layer.parameters, 1}, factor, gradient);
                       if (!slot) return;
                       pass.count_backward(gradient.own.size(0), size);
                       const at::Tensor of_windows = at::empty({gradient.own.size(0), width}, gradient.own.options());
                       for_each_group(pass, rows, layer,
                                      [&](const at::Tensor& own, const auto& outputs_of, const auto& inputs_of) {
                                        matmul(outputs_of(gradient.operand()), own, inputs_of(of_windows));
                                      });
                       gradients.add(*slot, add_up_windows(of_windows, rows, kernel));
                     });
}

Value activate(Recording& pass, Activation activation, const Value& input) {
  const RowLayout& rows = *input.rows;
  const at::Tensor values = input.tensor.clone();
  const PerModelTensors no_bias(rows.model_count(), at::zeros({values.size(1)}, values.options()));
  return pass.record(
      bias_activation(activation, values, no_bias, rows), rows, input.slot.has_value(),
      [activation, values, slot = input.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
        gradients.add(*slot, activation_backward(activation, values, outputs.front().own).own);
      });
}

}  // namespace tunescope
