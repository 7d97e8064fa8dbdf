#include "linear_products.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <vector>

#include "tunescope/kernels/matmul.hpp"

namespace tunescope {
namespace {

using Layers = std::span<const LinearParameters>;

std::int64_t total_outputs(const ModelRows& rows, Layers layers) {
  std::int64_t total = 0;
  for (const LinearParameters& layer : layers) total += rows.shared(layer.weight).size(0);
  return total;
}

// The weights of all layers as one matrix, if all models share them and they are contiguous in memory; else undefined.
at::Tensor shared_weight(const ModelRows& rows, Layers layers) {
  const at::Tensor& first = rows.shared(layers.front().weight);
  std::int64_t end = first.storage_offset();
  for (const LinearParameters& layer : layers) {
    const at::Tensor& weight = rows.shared(layer.weight);
    const bool follows = weight.is_contiguous() && weight.is_alias_of(first) && weight.storage_offset() == end;
    if (!follows || !rows.is_shared(layer.weight)) return {};
    end += weight.numel();
  }
  return layers.size() == 1 ? first
                            : first.as_strided({total_outputs(rows, layers), first.size(1)}, {first.size(1), 1});
}

at::Tensor joined_bias(const ModelRows& rows, std::size_t model, Layers layers) {
  if (layers.size() == 1) return rows.parameter(model, layers.front().bias);
  std::vector<at::Tensor> biases;
  for (const LinearParameters& layer : layers) biases.push_back(rows.parameter(model, layer.bias));
  return at::cat(biases);
}

// Calls `work` for each model and layer, with that model's rows and that layer's columns of `outputs`.
template <typename Work>
void for_each_model_and_layer(const ModelRows& rows, Layers layers, const at::Tensor& outputs, Work work) {
  for (std::size_t model = 0; model < rows.size(); ++model) {
    std::int64_t column = 0;
    for (const LinearParameters& layer : layers) {
      const std::int64_t width = rows.shared(layer.weight).size(0);
      work(model, layer, rows.of(model, outputs).narrow(1, column, width));
      column += width;
    }
  }
}

// outputs = input Wᵀ, or outputs += input Wᵀ, for layers whose outputs lie side by side.
void apply_weights(const ModelRows& rows, Layers layers, const at::Tensor& input, const at::Tensor& outputs,
                   Accumulate accumulate) {
  const at::Tensor operand = rows.operand(input);
  if (const at::Tensor weight = shared_weight(rows, layers); weight.defined()) {
    matmul(operand, rows.operand(weight).t(), outputs, accumulate);
    return;
  }
  for_each_model_and_layer(
      rows, layers, outputs, [&](std::size_t model, const LinearParameters& layer, const at::Tensor& own) {
        matmul(rows.of(model, operand), rows.operand(rows.parameter(model, layer.weight)).t(), own, accumulate);
      });
}

}  // namespace

at::Tensor apply_linear(const ModelRows& rows, Layers layers, const at::Tensor& input) {
  at::Tensor output = at::empty({input.size(0), total_outputs(rows, layers)}, input.options());
  for (std::size_t model = 0; model < rows.size(); ++model) {
    const at::Tensor own = rows.of(model, output);
    own.copy_(joined_bias(rows, model, layers).expand_as(own));
  }
  apply_weights(rows, layers, input, output, Accumulate::kYes);
  return output;
}

at::Tensor linear_without_bias(const ModelRows& rows, const LinearParameters& layer, const at::Tensor& input) {
  at::Tensor output = at::empty({input.size(0), rows.shared(layer.weight).size(0)}, input.options());
  apply_weights(rows, {&layer, 1}, input, output, Accumulate::kNo);
  return output;
}

void add_input_gradient(const ModelRows& rows, Layers layers, const at::Tensor& output_gradient, at::Tensor& gradient) {
  const Accumulate first = gradient.defined() ? Accumulate::kYes : Accumulate::kNo;
  if (!gradient.defined()) {
    const std::int64_t width = rows.shared(layers.front().weight).size(1);
    gradient = at::empty({output_gradient.size(0), width}, output_gradient.options());
  }
  const at::Tensor operand = rows.operand(output_gradient);
  if (const at::Tensor weight = shared_weight(rows, layers); weight.defined()) {
    matmul(operand, rows.operand(weight), gradient, first);
    return;
  }
  for_each_model_and_layer(
      rows, layers, operand, [&](std::size_t model, const LinearParameters& layer, const at::Tensor& own) {
        const Accumulate accumulate = &layer == &layers.front() ? first : Accumulate::kYes;
        matmul(own, rows.operand(rows.parameter(model, layer.weight)), rows.of(model, gradient), accumulate);
      });
}

}  // namespace tunescope
