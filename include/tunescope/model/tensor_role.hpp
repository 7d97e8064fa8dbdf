#pragma once

#include <string>

#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// What a tensor is in its network, by a name that all architectures share, so that their maps can lie side by side.
/// results/README.md lists the names. A tensor of an unknown kind is "embeddings.other", "other.weight" or
/// "other.bias".
std::string role_of(const ParameterInfo& parameter);

}  // namespace tunescope
