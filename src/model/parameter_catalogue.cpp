#include "tunescope/model/parameter_catalogue.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace tunescope {

std::int64_t ParameterInfo::size() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

ParameterCatalogue::ParameterCatalogue(const BertConfig& config, std::int64_t output_size) {
  const std::int64_t hidden = config.hidden_size;
  constexpr std::string_view kEmbeddingsPrefix = "bert.embeddings.";
  const auto add_table = [&](const std::string& name, std::int64_t rows) {
    return add({.name = name,
                .component = {},
                .shape = {rows, hidden},
                .role = ParameterRole::kEmbedding,
                .block = Block::kEmbeddings},
               kEmbeddingsPrefix);
  };
  layer_labels_.emplace_back("embeddings");
  embeddings.word = add_table("word_embeddings.weight", config.vocab_size);
  embeddings.position = add_table("position_embeddings.weight", config.max_position_embeddings);
  embeddings.type = add_table("token_type_embeddings.weight", config.type_vocab_size);
  embeddings.layer_norm = add_layer_norm(kEmbeddingsPrefix, "LayerNorm", Block::kEmbeddings, hidden);
  for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) add_layer(config, layer);
  layer_labels_.emplace_back("pooler");
  pooler = add_linear("bert.pooler.", "dense", Block::kPooler, hidden, hidden);
  layer_labels_.emplace_back("head");
  classifier = add_linear("", "classifier", Block::kHead, output_size, hidden);
}

void ParameterCatalogue::add_layer(const BertConfig& config, std::int64_t number) {
  const std::int64_t hidden = config.hidden_size;
  const std::string prefix = "bert.encoder.layer." + std::to_string(number) + ".";
  layer_labels_.push_back(std::to_string(number));
  EncoderLayerParameters layer;
  layer.query = add_linear(prefix, "attention.self.query", Block::kAttention, hidden, hidden);
  layer.key = add_linear(prefix, "attention.self.key", Block::kAttention, hidden, hidden);
  layer.value = add_linear(prefix, "attention.self.value", Block::kAttention, hidden, hidden);
  layer.attention_output = add_linear(prefix, "attention.output.dense", Block::kAttention, hidden, hidden);
  layer.attention_layer_norm = add_layer_norm(prefix, "attention.output.LayerNorm", Block::kAttention, hidden);
  layer.intermediate = add_linear(prefix, "intermediate.dense", Block::kFeedForward, config.intermediate_size, hidden);
  layer.output = add_linear(prefix, "output.dense", Block::kFeedForward, hidden, config.intermediate_size);
  layer.output_layer_norm = add_layer_norm(prefix, "output.LayerNorm", Block::kFeedForward, hidden);
  layers.push_back(layer);
}

LinearParameters ParameterCatalogue::add_linear(std::string_view prefix, const std::string& name, Block block,
                                                std::int64_t out, std::int64_t in) {
  LinearParameters linear;
  linear.weight = add({.name = name + ".weight", .component = {}, .shape = {out, in}, .block = block}, prefix);
  linear.bias = add({.name = name + ".bias", .component = {}, .shape = {out}, .block = block, .is_bias = true}, prefix);
  return linear;
}

LayerNormParameters ParameterCatalogue::add_layer_norm(std::string_view prefix, const std::string& name, Block block,
                                                       std::int64_t size) {
  ParameterInfo info{
      .name = name + ".weight", .component = {}, .shape = {size}, .role = ParameterRole::kLayerNorm, .block = block};
  LayerNormParameters layer_norm;
  layer_norm.weight = add(info, prefix);
  info.name = name + ".bias";
  info.is_bias = true;
  layer_norm.bias = add(info, prefix);
  return layer_norm;
}

// On entry `info.name` has no layer prefix: it is the component.
ParameterIndex ParameterCatalogue::add(ParameterInfo info, std::string_view prefix) {
  info.component = info.name;
  info.name = std::string(prefix) + info.name;
  info.layer = layer_labels_.size() - 1;
  const auto found = std::find(component_labels_.begin(), component_labels_.end(), info.component);
  component_indices_.push_back(static_cast<std::size_t>(found - component_labels_.begin()));
  if (found == component_labels_.end()) component_labels_.push_back(info.component);
  parameters_.push_back(std::move(info));
  return parameters_.size() - 1;
}

std::int64_t ParameterCatalogue::backbone_size() const {
  return std::accumulate(parameters_.begin(), parameters_.end(), std::int64_t{0},
                         [](std::int64_t sum, const ParameterInfo& p) { return p.is_head() ? sum : sum + p.size(); });
}

std::int64_t ParameterCatalogue::total_size() const {
  return std::accumulate(parameters_.begin(), parameters_.end(), std::int64_t{0},
                         [](std::int64_t sum, const ParameterInfo& p) { return sum + p.size(); });
}

}  // namespace tunescope
