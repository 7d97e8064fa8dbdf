#pragma once

#include <string>
#include <vector>

#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// The canonical spelling of the option `layers`: `4`, `9-12`, or `last4`. Layers are those of the encoder, numbered
/// from 0 as in the maps of result files. Throws `ConfigError` if it is none of these.
std::string spell_layers(const std::string& text);

/// Those of `tensors` that lie in the layers that the option names. Tensors of no numbered layer, such as embeddings
/// and pooler, do not. Throws `ConfigError` if the model does not have these layers.
std::vector<ParameterIndex> tensors_in_layers(const std::vector<ParameterIndex>& tensors, const std::string& layers,
                                              const ParameterCatalogue& catalogue);

}  // namespace tunescope
