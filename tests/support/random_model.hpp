#pragma once

#include <ATen/ops/randn.h>

#include <cstdint>

#include "tunescope/model/bert/bert.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope::test {

/// A BERT with random weights, drawn by LibTorch's generator.
inline PretrainedModel random_bert(const BertConfig& config) {
  PretrainedModel model{.network = make_bert(config), .backbone = {}};
  const ParameterCatalogue catalogue = model.network->catalogue(1);
  for (const ParameterInfo& parameter : catalogue.parameters()) {
    if (parameter.is_head()) continue;
    model.backbone.push_back(at::randn(parameter.shape).mul_(0.05).add_(parameter.is_layer_norm() ? 1.0 : 0.0));
  }
  move_to(model, at::kCPU);
  return model;
}

/// One whose matrices are large enough to be packed (see `PackedWeights`).
inline PretrainedModel wide_bert(std::int64_t layers) {
  BertConfig config;
  config.vocab_size = 120;
  config.hidden_size = 256;
  config.num_hidden_layers = layers;
  config.num_attention_heads = 4;
  config.intermediate_size = 512;
  config.max_position_embeddings = 20;
  return random_bert(config);
}

}  // namespace tunescope::test
