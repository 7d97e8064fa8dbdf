#pragma once

#include "tunescope/model/network.hpp"

namespace tunescope {

class ConfigFile;

/// ELECTRA's discriminator with a classification head of two layers (Clark et al. 2020), from a `config.json`. Tensor
/// names and arithmetic are those of Hugging Face's ElectraForSequenceClassification. Throws `ModelError` as
/// `read_network`.
NetworkFile read_electra(const ConfigFile& file);

}  // namespace tunescope
