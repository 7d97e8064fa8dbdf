#include "catalogue_builder.hpp"

#include <utility>

namespace tunescope {

void CatalogueBuilder::begin_layer(std::string label, std::string prefix) {
  layer_labels_.push_back(std::move(label));
  prefix_ = std::move(prefix);
}

void CatalogueBuilder::begin_encoder_layer(std::string prefix) {
  begin_layer(std::to_string(encoder_layers_++), std::move(prefix));
}

ParameterIndex CatalogueBuilder::add_table(const std::string& component, std::int64_t rows, std::int64_t width) {
  return add({.name = {},
              .component = component,
              .shape = {rows, width},
              .role = ParameterRole::kEmbedding,
              .block = Block::kEmbeddings});
}

LinearParameters CatalogueBuilder::add_linear(const std::string& component, Block block, std::int64_t out,
                                              std::int64_t in) {
  LinearParameters linear;
  linear.weight = add({.name = {}, .component = component + ".weight", .shape = {out, in}, .block = block});
  linear.bias = add({.name = {}, .component = component + ".bias", .shape = {out}, .block = block, .is_bias = true});
  return linear;
}

LayerNormParameters CatalogueBuilder::add_layer_norm(const std::string& component, Block block, Follows follows,
                                                     std::int64_t size) {
  ParameterInfo info{.name = {},
                     .component = component + ".weight",
                     .shape = {size},
                     .role = ParameterRole::kLayerNorm,
                     .block = block,
                     .follows = follows};
  LayerNormParameters layer_norm;
  layer_norm.weight = add(info);
  info.component = component + ".bias";
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
