#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// The form of a linear layer, if it is not the usual one.
struct LinearShape {
  std::int64_t out = 0;
  std::int64_t in = 0;
  WeightLayout layout = WeightLayout::kOutIn;
  bool has_bias = true;
  bool bias_has_no_gradient = false;  ///< see `ParameterInfo::has_no_gradient`
};

/// Lists the tensors of a network in forward order, layer by layer.
class CatalogueBuilder {
 public:
  /// Begins a layer. The names of its tensors are `prefix` and their components.
  void begin_layer(std::string label, std::string prefix);
  /// The same for the next layer of the encoder, whose label is its number from 0.
  void begin_encoder_layer(std::string prefix);
  /// The names of the layer's next tensors begin with another prefix.
  void set_prefix(std::string prefix) { prefix_ = std::move(prefix); }

  ParameterIndex add_table(std::string_view component, std::int64_t rows, std::int64_t width);
  LinearParameters add_linear(std::string_view component, Block block, std::int64_t out, std::int64_t in) {
    return add_linear(component, block, LinearShape{.out = out, .in = in});
  }
  LinearParameters add_linear(std::string_view component, Block block, const LinearShape& shape);
  /// `window` is the rest of the weight's shape.
  LinearParameters add_convolution(std::string_view component, Block block, std::int64_t out,
                                   std::array<std::int64_t, 2> window);
  LayerNormParameters add_layer_norm(std::string_view component, Block block, Follows follows, std::int64_t size);

  ParameterCatalogue build() const { return {parameters_, layer_labels_, encoder_layers_}; }

 private:
  ParameterIndex add(ParameterInfo info);

  std::vector<ParameterInfo> parameters_;
  std::vector<std::string> layer_labels_;
  std::size_t encoder_layers_ = 0;
  std::string prefix_;
};

}  // namespace tunescope
