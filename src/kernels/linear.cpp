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

// Whether numbers of a row are neighbours in memory.
bool are_columns(const at::Tensor& tensor) {
  return tensor.dim() == 2 && (tensor.stride(1) == 1 || tensor.size(1) == 1);
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

const Kernel<MultiplyRows>& multiply_rows_kernel() {
  static const Kernel<MultiplyRows> kernel{"multiply_rows", aten::multiply_rows, cpu::multiply_rows,
                                           cuda::multiply_rows};
  return kernel;
}

const Kernel<VectorGradients>& vector_gradients_kernel() {
  static const Kernel<VectorGradients> kernel{"vector_gradients", aten::vector_gradients, cpu::vector_gradients,
                                              cuda::vector_gradients};
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

void multiply_rows(const at::Tensor& input, std::span<const ScaledColumns> columns, const RowLayout& rows,
                   const at::Tensor& output) {
  const Kernel<MultiplyRows>& kernel = multiply_rows_kernel();
  std::int64_t total = 0;
  for (const auto& [width, vectors] : columns) {
    const auto is_as_wide = [&, width = width](const at::Tensor& own) {
      return !own.defined() ||
             (own.is_contiguous() && own.numel() == width && own.scalar_type() == input.scalar_type());
    };
    check_contract(vectors.size() == rows.model_count() && std::ranges::all_of(vectors, is_as_wide), kernel.name,
                   "a vector is not contiguous [width] and of the input's type");
    total += width;
  }
  const auto are_rows = [&](const at::Tensor& tensor) {
    return tensor.is_contiguous() && tensor.dim() == 2 && tensor.size(0) == rows.row_count() && tensor.size(1) == total;
  };
  check_contract(are_rows(input) && are_rows(output) && output.scalar_type() == input.scalar_type(), kernel.name,
                 "input and output are not contiguous [R, N]");
  if (has_numbers(input)) {
    kernel.on(input.device(), {.by_cuda = are_float32(input)})(input, columns, rows, output);
  }
}

void vector_gradients(std::span<const VectorGradient> gradients) {
  if (gradients.empty()) return;
  const Kernel<VectorGradients>& kernel = vector_gradients_kernel();
  const at::Tensor& first = gradients.front().output_gradient;
  for (const auto& [output_gradient, input, target] : gradients) {
    check_contract(are_columns(output_gradient) && output_gradient.scalar_type() == first.scalar_type(), kernel.name,
                   "a gradient of an output is not [R, N] with contiguous numbers in a row, or of another type");
    check_contract(!input.defined() || (are_columns(input) && input.sizes() == output_gradient.sizes() &&
                                        input.scalar_type() == first.scalar_type()),
                   kernel.name, "an input has not the shape and type of the output's gradient");
    check_contract(target.gradient.defined() && is_target(target, {output_gradient.size(1)}), kernel.name,
                   "a target is not contiguous [N]");
  }
  if (has_numbers(first)) kernel.on(first.device(), {.by_cuda = are_float32(first)})(gradients);
}

void bias_gradients(const at::Tensor& output_gradient, const RowLayout& rows, std::span<const GradientTarget> targets) {
  std::vector<VectorGradient> gradients;
  for (std::size_t model = 0; model < targets.size(); ++model) {
    if (!targets[model].gradient.defined()) continue;
    gradients.push_back({rows.of_model(output_gradient, model), {}, targets[model]});
  }
  vector_gradients(gradients);
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
