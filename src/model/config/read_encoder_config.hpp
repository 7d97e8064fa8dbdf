#pragma once

#include "model/config/config_file.hpp"
#include "tunescope/model/encoder_config.hpp"

namespace tunescope {

/// Reads the keys of `EncoderConfig` under BERT's names, which its descendants keep. Throws `ModelError` as
/// `read_network`.
void read_encoder_config(const ConfigFile& file, EncoderConfig& config);

}  // namespace tunescope
