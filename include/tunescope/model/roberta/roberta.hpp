#pragma once

#include <memory>

#include "tunescope/model/encoder_config.hpp"
#include "tunescope/model/network.hpp"

namespace tunescope {

class ConfigFile;

/// The keys of a `config.json` of `model_type` "roberta".
struct RobertaConfig {
  EncoderConfig encoder;
  std::int64_t pad_token_id = 1;  ///< positions are counted from the number after it
};

/// RoBERTa with a classification head of two layers (Liu et al. 2019). Tensor names and arithmetic are those of Hugging
/// Face's RobertaForSequenceClassification.
std::shared_ptr<const Network> make_roberta(const RobertaConfig& config);

/// Reads a `config.json`. Throws `ModelError` as `read_network`.
NetworkFile read_roberta(const ConfigFile& file);

}  // namespace tunescope
