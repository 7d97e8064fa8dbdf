#include "layers.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/threshold_backward.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "tunescope/error.hpp"

namespace tunescope {
namespace {

using Layers = std::span<const LinearParameters>;

std::int64_t total_outputs(const LaneRows& rows, Layers layers) {
  std::int64_t total = 0;
  for (const LinearParameters& layer : layers) total += rows.shared(layer.weight).size(0);
  return total;
}

// The weights one below the other, where all lanes share them and they lie so in memory; else undefined.
at::Tensor shared_weight(const LaneRows& rows, Layers layers) {
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

bool share_biases(const LaneRows& rows, Layers layers) {
  return std::all_of(layers.begin(), layers.end(),
                     [&](const LinearParameters& layer) { return rows.share(layer.bias); });
}

at::Tensor joined_bias(const LaneRows& rows, std::size_t lane, Layers layers) {
  if (layers.size() == 1) return rows.parameter(lane, layers.front().bias);
  std::vector<at::Tensor> biases;
  for (const LinearParameters& layer : layers) biases.push_back(rows.parameter(lane, layer.bias));
  return at::cat(biases);
}

// Each lane's rows and each layer's columns of `outputs`.
template <typename Work>
void for_each_lane_and_layer(const LaneRows& rows, Layers layers, const at::Tensor& outputs, Work work) {
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    std::int64_t column = 0;
    for (const LinearParameters& layer : layers) {
      const std::int64_t width = rows.shared(layer.weight).size(0);
      work(lane, layer, rows.of(lane, outputs).narrow(1, column, width));
      column += width;
    }
  }
}

}  // namespace

at::Tensor look_up(const LaneRows& rows, ParameterIndex table, const at::Tensor& ids) {
  if (rows.share(table)) return at::embedding(rows.shared(table), ids);
  std::vector<at::Tensor> found;
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    found.push_back(at::embedding(rows.parameter(lane, table), rows.of(lane, ids)));
  }
  return at::cat(found);
}

at::Tensor linear(const LaneRows& rows, const LinearParameters& indices, const at::Tensor& input) {
  return linear(rows, {&indices, 1}, input);
}

at::Tensor linear_input_gradient(const LaneRows& rows, const LinearParameters& indices,
                                 const at::Tensor& output_gradient) {
  return linear_input_gradient(rows, {&indices, 1}, output_gradient);
}

at::Tensor linear(const LaneRows& rows, std::span<const LinearParameters> layers, const at::Tensor& input) {
  const at::Tensor weight = shared_weight(rows, layers);
  if (weight.defined() && share_biases(rows, layers)) {
    return at::addmm(joined_bias(rows, 0, layers), input, weight.t());
  }
  const at::Tensor output = at::empty({input.size(0), total_outputs(rows, layers)}, input.options());
  if (weight.defined()) {
    for (std::size_t lane = 0; lane < rows.size(); ++lane) {
      const at::Tensor own = rows.of(lane, output);
      own.copy_(joined_bias(rows, lane, layers).expand_as(own));
    }
    return output.addmm_(input, weight.t());
  }
  for_each_lane_and_layer(rows, layers, output, [&](std::size_t lane, const LinearParameters& layer, at::Tensor own) {
    at::addmm_out(own, rows.parameter(lane, layer.bias), rows.of(lane, input), rows.parameter(lane, layer.weight).t());
  });
  return output;
}

at::Tensor linear_input_gradient(const LaneRows& rows, std::span<const LinearParameters> layers,
                                 const at::Tensor& output_gradient) {
  if (const at::Tensor weight = shared_weight(rows, layers); weight.defined()) return at::mm(output_gradient, weight);
  const at::Tensor gradient =
      at::zeros({output_gradient.size(0), rows.shared(layers.front().weight).size(1)}, output_gradient.options());
  for_each_lane_and_layer(rows, layers, output_gradient,
                          [&](std::size_t lane, const LinearParameters& layer, const at::Tensor& own) {
                            rows.of(lane, gradient).addmm_(own, rows.parameter(lane, layer.weight));
                          });
  return gradient;
}

at::Tensor layer_norm(const LaneRows& rows, const LayerNormParameters& indices, double epsilon,
                      LayerNormActivations& activations) {
  const auto normalise = [&](const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias) {
    return at::native_layer_norm(input, {input.size(-1)}, weight, bias, epsilon);
  };
  at::Tensor output;
  if (rows.share(indices.weight) && rows.share(indices.bias)) {
    std::tie(output, activations.mean, activations.rstd) =
        normalise(activations.input, rows.shared(indices.weight), rows.shared(indices.bias));
    return output;
  }
  std::vector<at::Tensor> outputs, means, rstds;
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    auto [own, mean, rstd] = normalise(rows.of(lane, activations.input), rows.parameter(lane, indices.weight),
                                       rows.parameter(lane, indices.bias));
    outputs.push_back(std::move(own));
    means.push_back(std::move(mean));
    rstds.push_back(std::move(rstd));
  }
  activations.mean = at::cat(means);
  activations.rstd = at::cat(rstds);
  return at::cat(outputs);
}

at::Tensor layer_norm_input_gradient(const LaneRows& rows, const LayerNormParameters& indices,
                                     const LayerNormActivations& activations, const at::Tensor& output_gradient) {
  const auto gradient_of = [&](const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& mean,
                               const at::Tensor& rstd, const at::Tensor& weight) {
    return std::get<0>(at::native_layer_norm_backward(gradient, input, {input.size(-1)}, mean, rstd, weight, {},
                                                      {true, false, false}));
  };
  if (rows.share(indices.weight)) {
    return gradient_of(output_gradient, activations.input, activations.mean, activations.rstd,
                       rows.shared(indices.weight));
  }
  std::vector<at::Tensor> gradients;
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    gradients.push_back(gradient_of(rows.of(lane, output_gradient), rows.of(lane, activations.input),
                                    rows.of(lane, activations.mean), rows.of(lane, activations.rstd),
                                    rows.parameter(lane, indices.weight)));
  }
  return at::cat(gradients);
}

at::Tensor activate(Activation activation, const at::Tensor& input) {
  switch (activation) {
    case Activation::kGelu:
      return at::gelu(input);
    case Activation::kGeluTanh:
      return at::gelu(input, "tanh");
    case Activation::kRelu:
      return at::relu(input);
    case Activation::kSilu:
      return at::silu(input);
    case Activation::kTanh:
      return at::tanh(input);
  }
  throw ModelError("unknown activation");
}

at::Tensor activate_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient) {
  switch (activation) {
    case Activation::kGelu:
      return at::gelu_backward(output_gradient, input);
    case Activation::kGeluTanh:
      return at::gelu_backward(output_gradient, input, "tanh");
    case Activation::kRelu:
      return at::threshold_backward(output_gradient, input, 0);
    case Activation::kSilu:
      return at::silu_backward(output_gradient, input);
    case Activation::kTanh:
      return at::tanh_backward(output_gradient, at::tanh(input));
  }
  throw ModelError("unknown activation");
}

}  // namespace tunescope
