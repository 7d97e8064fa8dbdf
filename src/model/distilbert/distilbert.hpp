#pragma once

#include "tunescope/model/network.hpp"

namespace tunescope {

class ConfigFile;

/// DistilBERT with a classification head of two layers (Sanh et al. 2019), from a `config.json`. Tensor names and
/// arithmetic are those of Hugging Face's DistilBertForSequenceClassification. Throws `ModelError` as `read_network`.
NetworkFile read_distilbert(const ConfigFile& file);

}  // namespace tunescope
