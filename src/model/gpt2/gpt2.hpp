#pragma once

#include "tunescope/model/network.hpp"

namespace tunescope {

class ConfigFile;

/// GPT-2 with a classification head on the last token (Radford et al. 2019), from a `config.json`. Tensor names and
/// arithmetic are those of Hugging Face's GPT2ForSequenceClassification. Throws `ModelError` as `read_network`.
NetworkFile read_gpt2(const ConfigFile& file);

}  // namespace tunescope
