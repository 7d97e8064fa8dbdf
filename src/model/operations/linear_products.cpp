#include "linear_products.hpp"

#include <vector>

#include "tunescope/kernels/linear.hpp"
#include "tunescope/kernels/matmul.hpp"
#include "tunescope/kernels/products/product_rows.hpp"

namespace tunescope {
namespace {

using Layers = std::span<const LinearParameters>;

std::int64_t total_outputs(const ModelParameters& parameters, Layers layers) {
  std::int64_t total = 0;
  for (const LinearParameters& layer : layers) total += layer.outputs(parameters.first(layer.weight).sizes());
  return total;
}

std::int64_t inputs_of(const ModelParameters& parameters, Layers layers) {
  return layers.front().inputs(parameters.first(layers.front().weight).sizes());
}

std::int64_t total_weights(const ModelParameters& parameters, Layers layers) {
  return total_outputs(parameters, layers) * inputs_of(parameters, layers);
}

// A weight, or several as one, as the forward pass multiplies it: [in, out].
at::Tensor as_in_out(const at::Tensor& weight, WeightLayout layout) {
  return layout == WeightLayout::kOutIn ? weight.t() : weight;
}

// Not filled, in the type of the parameters.
at::Tensor empty_rows(const ModelParameters& parameters, std::int64_t rows, std::int64_t width) {
  return empty_operand(rows, width, parameters.first(0).options());
}

// These tensors along their first dimension as one, if all models share them and they are contiguous in memory; else
// undefined.
at::Tensor joined_tensor(const ModelParameters& parameters, const std::vector<ParameterIndex>& indices) {
  const at::Tensor& first = parameters.first(indices.front());
  std::vector<std::int64_t> sizes = first.sizes().vec();
  sizes.front() = 0;
  std::int64_t end = first.storage_offset();
  for (const ParameterIndex index : indices) {
    const at::Tensor& own = parameters.first(index);
    const bool follows = own.is_contiguous() && own.is_alias_of(first) && own.storage_offset() == end;
    if (!follows || !parameters.is_shared(index)) return {};
    sizes.front() += own.size(0);
    end += own.numel();
  }
  return indices.size() == 1 ? first : first.as_strided(sizes, first.strides());
}

// The weights of the layers as one. Several are [out, in].
at::Tensor shared_weight(const ModelParameters& parameters, Layers layers) {
  std::vector<ParameterIndex> weights;
  for (const LinearParameters& layer : layers) weights.push_back(layer.weight);
  return joined_tensor(parameters, weights);
}

// Undefined too if there are none.
at::Tensor shared_bias(const ModelParameters& parameters, Layers layers) {
  std::vector<ParameterIndex> biases;
  for (const LinearParameters& layer : layers) {
    if (!layer.bias) return {};
    biases.push_back(*layer.bias);
  }
  return joined_tensor(parameters, biases);
}

// Calls `work` for each model and layer, with that model's rows and that layer's columns of `outputs`.
template <typename Work>
void for_each_model_and_layer(const ModelParameters& parameters, const RowLayout& rows, Layers layers,
                              const at::Tensor& outputs, Work work) {
  for (std::size_t model = 0; model < parameters.model_count(); ++model) {
    std::int64_t column = 0;
    for (const LinearParameters& layer : layers) {
      const std::int64_t width = layer.outputs(parameters.first(layer.weight).sizes());
      work(model, layer, rows.of_model(outputs, model).narrow(1, column, width));
      column += width;
    }
  }
}

// outputs = input Wᵀ, or outputs += input Wᵀ, for layers whose outputs lie side by side.
void apply_weights(Recording& pass, const RowLayout& rows, Layers layers, const at::Tensor& input,
                   const at::Tensor& outputs, Accumulate accumulate) {
  const ModelParameters& parameters = pass.parameters();
  pass.count_forward(input.size(0), total_weights(parameters, layers));
  if (const at::Tensor weight = shared_weight(parameters, layers); weight.defined()) {
    parameters.multiply(input, 0, as_in_out(weight, layers.front().layout), outputs, accumulate);
    return;
  }
  for_each_model_and_layer(parameters, rows, layers, outputs,
                           [&](std::size_t model, const LinearParameters& layer, const at::Tensor& own) {
                             const at::Tensor weight = as_in_out(parameters.of(model, layer.weight), layer.layout);
                             parameters.multiply(rows.of_model(input, model), model, weight, own, accumulate);
                           });
}

// input Wᵀ, or input Wᵀ + bias, of weights that all models share; undefined if they do not.
at::Tensor shared_linear(Recording& pass, Layers layers, const at::Tensor& input, const at::Tensor& bias) {
  const at::Tensor weight = shared_weight(pass.parameters(), layers);
  if (!weight.defined()) return {};
  pass.count_forward(input.size(0), weight.numel());
  return pass.parameters().product(input, 0, as_in_out(weight, layers.front().layout), bias);
}

}  // namespace

at::Tensor apply_linear(Recording& pass, const RowLayout& rows, Layers layers, const at::Tensor& input) {
  const ModelParameters& parameters = pass.parameters();
  if (!layers.front().bias) return linear_without_bias(pass, rows, layers, input);
  if (const at::Tensor bias = shared_bias(parameters, layers); bias.defined()) {
    if (at::Tensor output = shared_linear(pass, layers, input, bias); output.defined()) return output;
  }
  at::Tensor output = empty_rows(parameters, input.size(0), total_outputs(parameters, layers));
  std::vector<PerModelTensors> biases;
  for (const LinearParameters& layer : layers) biases.push_back(parameters.of_each(layer.bias));
  fill_with_bias(output, biases, rows);
  apply_weights(pass, rows, layers, input, output, Accumulate::kYes);
  return output;
}

at::Tensor linear_without_bias(Recording& pass, const RowLayout& rows, Layers layers, const at::Tensor& input) {
  if (at::Tensor output = shared_linear(pass, layers, input, {}); output.defined()) return output;
  const ModelParameters& parameters = pass.parameters();
  at::Tensor output = empty_rows(parameters, input.size(0), total_outputs(parameters, layers));
  apply_weights(pass, rows, layers, input, output, Accumulate::kNo);
  return output;
}

void add_input_gradient(Recording& pass, const RowLayout& rows, Layers layers, const at::Tensor& output_gradient,
                        at::Tensor& gradient) {
  const ModelParameters& parameters = pass.parameters();
  pass.count_backward(output_gradient.size(0), total_weights(parameters, layers));
  if (const at::Tensor weight = shared_weight(parameters, layers); weight.defined()) {
    const at::Tensor transposed = as_in_out(weight, layers.front().layout).t();
    if (gradient.defined()) {
      parameters.multiply(output_gradient, 0, transposed, gradient, Accumulate::kYes);
    } else {
      gradient = parameters.product(output_gradient, 0, transposed);
    }
    return;
  }
  const Accumulate first = gradient.defined() ? Accumulate::kYes : Accumulate::kNo;
  if (!gradient.defined()) {
    gradient = empty_rows(parameters, output_gradient.size(0), inputs_of(parameters, layers));
  }
  for_each_model_and_layer(parameters, rows, layers, output_gradient,
                           [&](std::size_t model, const LinearParameters& layer, const at::Tensor& own) {
                             const Accumulate accumulate = &layer == &layers.front() ? first : Accumulate::kYes;
                             const at::Tensor weight = as_in_out(parameters.of(model, layer.weight), layer.layout);
                             parameters.multiply(own, model, weight.t(), rows.of_model(gradient, model), accumulate);
                           });
}

}  // namespace tunescope
