#pragma once

#include "tunescope/model/bert/bert.hpp"

namespace tunescope::test {

/// Two layers, small enough to count its parameters by hand.
inline BertConfig small_config() {
  BertConfig config;
  config.vocab_size = 11;
  config.hidden_size = 4;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.intermediate_size = 6;
  config.max_position_embeddings = 5;
  return config;
}

inline ParameterCatalogue small_catalogue(std::int64_t outputs) {
  return make_bert(small_config())->catalogue(outputs);
}

}  // namespace tunescope::test
