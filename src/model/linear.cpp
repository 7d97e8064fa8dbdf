#include "linear.hpp"

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

// The weights one below the other, where all lanes share them and they lie so in memory; else undefined.
at::Tensor shared_weight(const ModelRows& rows, Layers layers) {
  const at::Tensor& first = rows.shared(layers.front().weight);
  std::int64_t end = first.storage_offset();
  for (const LinearParameters& layer : layers) {
    const at::Tensor& weight = rows.shared(layer.weight);
    const bool follows = weight.is_contiguous() && weight.is_alias_of(first) && weight.storage_offset() == end;
    if (!follows || !rows.share(layer.weight)) return {};
    end += weight.numel();
  }
  return layers.size() == 1 ? first
                            : first.as_strided({total_outputs(rows, layers), first.size(1)}, {first.size(1), 1});
}

at::Tensor joined_bias(const ModelRows& rows, std::size_t lane, Layers layers) {
  if (layers.size() == 1) return rows.parameter(lane, layers.front().bias);
  std::vector<at::Tensor> biases;
  for (const LinearParameters& layer : layers) biases.push_back(rows.parameter(lane, layer.bias));
  return at::cat(biases);
}

// Each lane's rows and each layer's columns of `outputs`.
template <typename Work>
void for_each_lane_and_layer(const ModelRows& rows, Layers layers, const at::Tensor& outputs, Work work) {
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    std::int64_t column = 0;
    for (const LinearParameters& layer : layers) {
      const std::int64_t width = rows.shared(layer.weight).size(0);
      work(lane, layer, rows.of(lane, outputs).narrow(1, column, width));
      column += width;
    }
  }
}

// outputs = input Wᵀ for the layers' outputs side by side, or that added to them.
void multiply_weights(const ModelRows& rows, Layers layers, const at::Tensor& input, const at::Tensor& outputs,
                      Accumulate overwrite) {
  const at::Tensor factor = rows.factor(input);
  if (const at::Tensor weight = shared_weight(rows, layers); weight.defined()) {
    multiply(factor, rows.factor(weight).t(), outputs, overwrite);
    return;
  }
  for_each_lane_and_layer(rows, layers, outputs, [&](std::size_t lane, const LinearParameters& layer, at::Tensor own) {
    multiply(rows.of(lane, factor), rows.factor(rows.parameter(lane, layer.weight)).t(), own, overwrite);
  });
}

// gradient = output_gradient W for a layer, or that of several layers, whose outputs lie side by side, added to it.
void multiply_back(const ModelRows& rows, Layers layers, const at::Tensor& output_gradient, const at::Tensor& gradient,
                   Accumulate overwrite) {
  const at::Tensor factor = rows.factor(output_gradient);
  if (const at::Tensor weight = shared_weight(rows, layers); weight.defined()) {
    multiply(factor, rows.factor(weight), gradient, overwrite);
    return;
  }
  for_each_lane_and_layer(
      rows, layers, factor, [&](std::size_t lane, const LinearParameters& layer, const at::Tensor& own) {
        multiply(own, rows.factor(rows.parameter(lane, layer.weight)), rows.of(lane, gradient), overwrite);
      });
}

}  // namespace

at::Tensor linear(const ModelRows& rows, Layers layers, const at::Tensor& input) {
  at::Tensor output = at::empty({input.size(0), total_outputs(rows, layers)}, input.options());
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    const at::Tensor own = rows.of(lane, output);
    own.copy_(joined_bias(rows, lane, layers).expand_as(own));
  }
  multiply_weights(rows, layers, input, output, Accumulate::kYes);
  return output;
}

at::Tensor product(const ModelRows& rows, const LinearParameters& layer, const at::Tensor& input) {
  at::Tensor output = at::empty({input.size(0), rows.shared(layer.weight).size(0)}, input.options());
  multiply_weights(rows, {&layer, 1}, input, output, Accumulate::kNo);
  return output;
}

at::Tensor input_gradient(const ModelRows& rows, const LinearParameters& layer, const at::Tensor& output_gradient) {
  at::Tensor gradient =
      at::empty({output_gradient.size(0), rows.shared(layer.weight).size(1)}, output_gradient.options());
  multiply_back(rows, {&layer, 1}, output_gradient, gradient, Accumulate::kNo);
  return gradient;
}

void add_input_gradient(const ModelRows& rows, Layers layers, const at::Tensor& output_gradient,
                        const at::Tensor& gradient) {
  multiply_back(rows, layers, output_gradient, gradient, Accumulate::kYes);
}

}  // namespace tunescope
