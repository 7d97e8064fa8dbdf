#pragma once

#include <ATen/Context.h>

#include <cstdint>

#include "support/random_model.hpp"
#include "tunescope/data/dataset.hpp"

namespace tunescope::test {

/// Random weights of so many layers, otherwise tiny.
inline PretrainedModel narrow_model(std::int64_t layers) {
  BertConfig config;
  config.vocab_size = 40;
  config.hidden_size = 8;
  config.num_hidden_layers = layers;
  config.num_attention_heads = 1;
  config.intermediate_size = 16;
  config.max_position_embeddings = 16;
  at::manual_seed(3);
  return random_bert(config);
}

/// For it. Within an example some tokens repeat, and all positions and types occur in every one.
inline Dataset narrow_examples(std::int64_t count) {
  constexpr std::int64_t kLength = 15;
  Dataset dataset;
  dataset.offsets = {0};
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t t = 0; t < kLength; ++t) {
      dataset.token_ids.push_back(static_cast<std::int32_t>((7 * i + 5 * t) % 40));
      dataset.type_ids.push_back(t > 5);
    }
    dataset.offsets.push_back(dataset.offsets.back() + kLength);
    dataset.labels.push_back(static_cast<float>(i % 2));
  }
  return dataset;
}

}  // namespace tunescope::test
