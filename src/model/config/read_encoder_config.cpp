#include "model/config/read_encoder_config.hpp"

#include <algorithm>

namespace tunescope {
namespace {

DropoutProbabilities read_dropout(const ConfigFile& file) {
  double hidden = 0.1;
  file.probability("hidden_dropout_prob", hidden);
  DropoutProbabilities dropout = DropoutProbabilities::uniform(hidden);
  dropout.attention_probabilities = 0.1;
  file.probability("attention_probs_dropout_prob", dropout.attention_probabilities);
  file.probability("classifier_dropout", dropout.pooled);
  return dropout;
}

}  // namespace

void read_encoder_config(const ConfigFile& file, EncoderConfig& config) {
  file.positive("vocab_size", config.vocab_size, kLargestDimension);
  file.positive("hidden_size", config.hidden_size, kLargestDimension);
  file.positive("num_hidden_layers", config.num_hidden_layers, kMostLayers);
  file.positive("num_attention_heads", config.num_attention_heads, kLargestDimension);
  file.positive("intermediate_size", config.intermediate_size, kLargestDimension);
  file.positive("max_position_embeddings", config.max_position_embeddings, kLargestDimension);
  // An architecture that has no types by default may have none.
  file.whole("type_vocab_size", config.type_vocab_size, std::min<std::int64_t>(config.type_vocab_size, 1),
             kLargestDimension);
  file.number("layer_norm_eps", config.layer_norm_eps, 0.0, 1.0);
  config.dropout = read_dropout(file);
  file.number("initializer_range", config.initializer_range, 0.0, 1.0);
  file.activation("hidden_act", config.hidden_act);
  file.divides("num_attention_heads", config.num_attention_heads, "hidden_size", config.hidden_size);
}

}  // namespace tunescope
