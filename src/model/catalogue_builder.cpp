#include "catalogue_builder.hpp"

#include <algorithm>
#include <utility>

namespace tunescope {

void CatalogueBuilder::begin_layer(std::string label, std::string prefix) {
  layer_labels_.push_back(std::move(label));
  prefix_ = std::move(prefix);
}

void CatalogueBuilder::begin_encoder_layer(std::string prefix) {
  begin_layer(std::to_string(encoder_layers_++), std::move(prefix));
}

ParameterIndex CatalogueBuilder::add_table(std::string_view component, std::int64_t rows, std::int64_t width) {
  return add({.name = {},
              .component = std::string(component),
              .shape = {rows, width},
              .role = ParameterRole::kEmbedding,
              .block = Block::kEmbeddings});
}

LinearParameters CatalogueBuilder::add_linear(std::string_view component, Block block, const LinearShape& shape) {
  const std::string name(component);
  const auto& [out, in, layout, has_bias, bias_has_no_gradient] = shape;
  std::vector<std::int64_t> of_weight = {out, in};
  if (layout == WeightLayout::kInOut) std::ranges::reverse(of_weight);
  LinearParameters linear{.layout = layout};
  linear.weight =
      add({.name = {}, .component = name + ".weight", .shape = of_weight, .block = block, .layout = layout});
  if (has_bias) {
    linear.bias = add({.name = {},
                       .component = name + ".bias",
                       .shape = {out},
                       .block = block,
                       .is_bias = true,
                       .has_no_gradient = bias_has_no_gradient});
  }
  return linear;
}

LinearParameters CatalogueBuilder::add_convolution(std::string_view component, Block block, std::int64_t out,
                                                   std::array<std::int64_t, 2> window) {
  const std::string name(component);
  LinearParameters linear;
  linear.weight =
      add({.name = {}, .component = name + ".weight", .shape = {out, window[0], window[1]}, .block = block});
  linear.bias = add({.name = {}, .component = name + ".bias", .shape = {out}, .block = block, .is_bias = true});
  return linear;
}

LayerNormParameters CatalogueBuilder::add_layer_norm(std::string_view component, Block block, Follows follows,
                                                     std::int64_t size) {
  const std::string name(component);
  ParameterInfo info{.name = {},
                     .component = name + ".weight",
                     .shape = {size},
                     .role = ParameterRole::kLayerNorm,
                     .block = block,
                     .follows = follows};
  LayerNormParameters layer_norm;
  layer_norm.weight = add(info);
  info.component = name + ".bias";
  info.is_bias = true;
  layer_norm.bias = add(info);
  return layer_norm;
}

ParameterIndex CatalogueBuilder::add(ParameterInfo info) {
  info.name = prefix_ + info.component;
  info.layer = layer_labels_.size() - 1;
  parameters_.push_back(std::move(info));
  return parameters_.size() - 1;
}

}  // namespace tunescope
