#include "tunescope/kernels/linear.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "backends/linear.hpp"

namespace tunescope {
namespace {

bool are_float32(const at::Tensor& tensor) { return tensor.scalar_type() == at::kFloat; }

// Whether each model that has a tensor has one with a row for each of its sequences.
bool are_of_sequences(std::span<const at::Tensor> tensors, const PerModelTensors* weight, const RowLayout& rows) {
  if (tensors.size() != rows.model_count()) return false;
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    if (!tensors[k].defined()) continue;
    const bool has_rows = tensors[k].dim() == 2 && tensors[k].is_contiguous() &&
                          tensors[k].size(0) == rows.model_offsets[k + 1] - rows.model_offsets[k];
    if (!has_rows || (weight != nullptr && tensors[k].size(1) != (*weight)[k].size(0))) return false;
  }
  return true;
}

bool is_target(const GradientTarget& target, at::IntArrayRef sizes) {
  return !target.gradient.defined() || (target.gradient.sizes() == sizes && target.gradient.is_contiguous());
}

bool are_weights(const PerModelTensors& weight, std::int64_t inputs, const RowLayout& rows) {
  return weight.size() == rows.model_count() && std::ranges::all_of(weight, [&](const at::Tensor& own) {
           return own.dim() == 2 && own.size(1) == inputs && own.is_contiguous();
         });
}

}  // namespace

const Kernel<FillWithBias>& fill_with_bias_kernel() {
  static const Kernel<FillWithBias> kernel{"fill_with_bias", aten::fill_with_bias, nullptr, cuda::fill_with_bias};
  return kernel;
}

const Kernel<BiasGradients>& bias_gradients_kernel() {
  static const Kernel<BiasGradients> kernel{"bias_gradients", aten::bias_gradients, nullptr, cuda::bias_gradients};
  return kernel;
}

const Kernel<HeadLogits>& head_logits_kernel() {
  static const Kernel<HeadLogits> kernel{"head_logits", aten::head_logits, nullptr, cuda::head_logits};
  return kernel;
}

const Kernel<HeadInputGradient>& head_input_gradient_kernel() {
  static const Kernel<HeadInputGradient> kernel{"head_input_gradient", aten::head_input_gradient, nullptr,
                                                cuda::head_input_gradient};
  return kernel;
}

const Kernel<HeadParameterGradients>& head_parameter_gradients_kernel() {
  static const Kernel<HeadParameterGradients> kernel{"head_parameter_gradients", aten::head_parameter_gradients,
                                                     nullptr, cuda::head_parameter_gradients};
  return kernel;
}

void fill_with_bias(const at::Tensor& output, std::span<const PerModelTensors> biases, const RowLayout& rows) {
  const Kernel<FillWithBias>& kernel = fill_with_bias_kernel();
  std::int64_t width = 0;
  for (const PerModelTensors& bias : biases) {
    const std::int64_t outputs = bias.front().numel();
    const auto is_as_wide = [&](const at::Tensor& own) { return own.numel() == outputs; };
    check_contract(bias.size() == rows.model_count() && std::ranges::all_of(bias, is_as_wide), kernel.name,
                   "there is not one bias of the layer's width for each model");
    width += outputs;
  }
  check_contract(
      output.is_contiguous() && output.dim() == 2 && output.size(0) == rows.row_count() && output.size(1) == width,
      kernel.name, "the output is not contiguous [R, N]");
  if (has_numbers(output)) kernel.on(output.device(), {.by_cuda = are_float32(output)})(output, biases, rows);
}

void bias_gradients(const at::Tensor& output_gradient, std::span<const std::int64_t> model_offsets,
                    std::span<const GradientTarget> targets) {
  const Kernel<BiasGradients>& kernel = bias_gradients_kernel();
  check_contract(output_gradient.dim() == 2 && (output_gradient.stride(1) == 1 || output_gradient.size(1) == 1) &&
                     model_offsets.back() == output_gradient.size(0),
                 kernel.name, "the gradient of the output is not [R, N] with contiguous numbers in a row");
  check_contract(model_offsets.size() == targets.size() + 1, kernel.name, "there is not one target for each model");
  for (const GradientTarget& target : targets) {
    check_contract(is_target(target, {output_gradient.size(1)}), kernel.name, "a target is not contiguous [N]");
  }
  if (!has_numbers(output_gradient)) return;
  kernel.on(output_gradient.device(), {.by_cuda = are_float32(output_gradient)})(output_gradient, model_offsets,
                                                                                 targets);
}

std::vector<at::Tensor> head_logits(const at::Tensor& input, const PerModelTensors& weight, const PerModelTensors& bias,
                                    const RowLayout& rows) {
  const Kernel<HeadLogits>& kernel = head_logits_kernel();
  check_contract(input.dim() == 2 && input.is_contiguous() && input.size(0) == rows.row_count(), kernel.name,
                 "the input is not contiguous [B, H]");
  check_contract(are_weights(weight, input.size(1), rows) && bias.size() == weight.size(), kernel.name,
                 "there is not one weight [O, H] and one bias [O] for each model");
  std::vector<std::int64_t> sizes;
  std::int64_t total = 0;
  for (std::size_t k = 0; k < weight.size(); ++k) {
    sizes.push_back((rows.model_offsets[k + 1] - rows.model_offsets[k]) * weight[k].size(0));
    total += sizes.back();
  }
  const at::Tensor all = at::empty({total}, input.options());
  std::vector<at::Tensor> logits;
  std::int64_t offset = 0;
  for (std::size_t k = 0; k < weight.size(); offset += sizes[k++]) {
    logits.push_back(
        all.narrow(0, offset, sizes[k]).view({rows.model_offsets[k + 1] - rows.model_offsets[k], weight[k].size(0)}));
  }
  if (has_numbers(input)) {
    kernel.on(input.device(), {.by_cuda = are_float32(input)})(input, weight, bias, rows, logits);
  }
  return logits;
}

at::Tensor head_input_gradient(std::span<const at::Tensor> logit_gradients, const PerModelTensors& weight,
                               const RowLayout& rows) {
  const Kernel<HeadInputGradient>& kernel = head_input_gradient_kernel();
  const at::Tensor& first = weight.front();
  check_contract(are_weights(weight, first.size(1), rows), kernel.name,
                 "there is not one weight [O, H] for each model");
  check_contract(are_of_sequences(logit_gradients, &weight, rows), kernel.name,
                 "the gradients are not contiguous [a model's sequences, O]");
  at::Tensor gradient = at::empty({rows.row_count(), first.size(1)}, first.options());
  if (!has_numbers(gradient)) return gradient;
  kernel.on(first.device(), {.by_cuda = are_float32(first)})(logit_gradients, weight, rows, gradient);
  return gradient;
}

void head_parameter_gradients(std::span<const at::Tensor> logit_gradients, const at::Tensor& input,
                              const RowLayout& rows, std::span<const HeadTargets> targets) {
  const Kernel<HeadParameterGradients>& kernel = head_parameter_gradients_kernel();
  check_contract(input.dim() == 2 && input.is_contiguous() && input.size(0) == rows.row_count(), kernel.name,
                 "the input is not contiguous [B, H]");
  check_contract(are_of_sequences(logit_gradients, nullptr, rows) && targets.size() == logit_gradients.size(),
                 kernel.name, "the gradients are not contiguous [a model's sequences, O]");
  for (std::size_t k = 0; k < targets.size(); ++k) {
    if (!logit_gradients[k].defined()) continue;
    const std::int64_t outputs = logit_gradients[k].size(1);
    check_contract(is_target(targets[k].weight, {outputs, input.size(1)}) && is_target(targets[k].bias, {outputs}),
                   kernel.name, "a target is not contiguous [O, H] or [O]");
  }
  if (!has_numbers(input)) return;
  kernel.on(input.device(), {.by_cuda = are_float32(input)})(logit_gradients, input, rows, targets);
}

}  // namespace tunescope
