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

#include <tuple>

#include "tunescope/error.hpp"

namespace tunescope {

at::Tensor look_up(const LaneRows& rows, ParameterIndex table, const at::Tensor& ids) {
  if (rows.share(table)) return at::embedding(rows.shared(table), ids);
  std::vector<at::Tensor> found;
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    found.push_back(at::embedding(rows.parameter(lane, table), rows.of(lane, ids)));
  }
  return at::cat(found);
}

at::Tensor linear(const LaneRows& rows, const LinearParameters& indices, const at::Tensor& input) {
  const bool share_weight = rows.share(indices.weight);
  if (share_weight && rows.share(indices.bias)) {
    return at::addmm(rows.shared(indices.bias), input, rows.shared(indices.weight).t());
  }
  at::Tensor output = at::empty({input.size(0), rows.shared(indices.weight).size(0)}, input.options());
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    at::Tensor own = rows.of(lane, output);
    const at::Tensor& bias = rows.parameter(lane, indices.bias);
    if (share_weight) {
      own.copy_(bias.expand_as(own));
    } else {
      at::addmm_out(own, bias, rows.of(lane, input), rows.parameter(lane, indices.weight).t());
    }
  }
  return share_weight ? output.addmm_(input, rows.shared(indices.weight).t()) : output;
}

at::Tensor linear_input_gradient(const LaneRows& rows, const LinearParameters& indices,
                                 const at::Tensor& output_gradient) {
  if (rows.share(indices.weight)) return at::mm(output_gradient, rows.shared(indices.weight));
  const at::Tensor gradient =
      at::empty({output_gradient.size(0), rows.shared(indices.weight).size(1)}, output_gradient.options());
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    at::Tensor own = rows.of(lane, gradient);
    at::mm_out(own, rows.of(lane, output_gradient), rows.parameter(lane, indices.weight));
  }
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
