#include "tunescope/fisher/depth_profile.hpp"

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>

namespace tunescope {
namespace {

// The forward pass does not keep the output of the last layer, but the input of its LayerNorm, from which it follows.
at::Tensor normalized(const LayerNormActivations& saved, const LayerNormParameters& indices,
                      const Parameters& parameters) {
  return saved.input.sub(saved.mean)
      .mul_(saved.rstd)
      .mul_(parameters[indices.weight])
      .add_(parameters[indices.bias]);  // [T, H]
}

}  // namespace

DepthProfile::DepthProfile(const ParameterCatalogue& catalogue, GradientSink& next, at::Device device)
    : catalogue_(catalogue),
      next_(next),
      sums_(at::zeros({kDepthQuantities, static_cast<std::int64_t>(catalogue.layers.size()) + 1},
                      at::TensorOptions(at::kDouble).device(device))) {}

void DepthProfile::add(const Parameters& parameters, const BertActivations& activations) {
  for (std::size_t number = 0; number < activations.layers.size(); ++number) {
    const EncoderLayerActivations& saved = activations.layers[number];
    add(DepthQuantity::kHidden, number, saved.input);
    add(DepthQuantity::kAttentionBranch, number + 1, saved.attention_layer_norm.input.sub(saved.query_input));
    add(DepthQuantity::kFeedForwardBranch, number + 1, saved.output_layer_norm.input.sub(saved.attention_output));
  }
  add(DepthQuantity::kHidden, activations.layers.size(),
      normalized(activations.layers.back().output_layer_norm, catalogue_.layers.back().output_layer_norm, parameters));
}

void DepthProfile::on_linear(const LinearParameters& parameters, const at::Tensor& input,
                             const at::Tensor& output_gradient) {
  next_.on_linear(parameters, input, output_gradient);
  const std::size_t layer = catalogue_[parameters.weight].layer;
  if (layer == 0 || layer > catalogue_.layers.size()) return;
  const EncoderLayerParameters& p = catalogue_.layers[layer - 1];
  if (parameters.weight == p.attention_output.weight) {
    add(DepthQuantity::kAttentionBranchGradient, layer, output_gradient);
  }
  if (parameters.weight == p.output.weight) add(DepthQuantity::kFeedForwardBranchGradient, layer, output_gradient);
}

void DepthProfile::on_layer_norm(const LayerNormParameters& parameters, const LayerNormActivations& activations,
                                 const at::Tensor& output_gradient) {
  next_.on_layer_norm(parameters, activations, output_gradient);
  const ParameterInfo& info = catalogue_[parameters.weight];
  if (info.block != Block::kAttention) add(DepthQuantity::kHiddenGradient, info.layer, output_gradient);
}

void DepthProfile::on_embedding(ParameterIndex table, const at::Tensor& ids, const at::Tensor& output_gradient) {
  next_.on_embedding(table, ids, output_gradient);
}

void DepthProfile::add(DepthQuantity quantity, std::size_t layer, const at::Tensor& rows) {
  const at::Tensor norm = at::linalg_vector_norm(rows, 2, std::nullopt, false, at::kDouble);
  sums_[static_cast<std::int64_t>(quantity)][static_cast<std::int64_t>(layer)].add_(norm.square());
}

}  // namespace tunescope
