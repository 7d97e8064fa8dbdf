#include "deberta_layer.hpp"

#include <array>
#include <cmath>

#include "model/operations/disentangled.hpp"

namespace tunescope {
namespace {

enum class DebertaLayerSite : std::uint32_t { kProbabilities, kAttentionOutput, kOutput, kDistances };

Dropout layer_dropout(const Recording& pass, double probability, std::size_t number, DebertaLayerSite site) {
  return pass.dropout(probability, static_cast<std::uint32_t>(DebertaSite::kFirstLayer) +
                                       kSitesPerLayer * static_cast<std::uint32_t>(number) +
                                       static_cast<std::uint32_t>(site));
}

std::uint32_t site_behind_layers(const DebertaConfig& config) {
  return static_cast<std::uint32_t>(DebertaSite::kFirstLayer) +
         kSitesPerLayer * static_cast<std::uint32_t>(config.encoder.num_hidden_layers);
}

// What is listed counts even if there are no distances. In float32, as transformers computes it.
double scale_of_scores(const DebertaConfig& config) {
  const int terms = 1 + static_cast<int>(config.query_to_position) + static_cast<int>(config.position_to_key);
  return 1.0 / std::sqrt(static_cast<float>(config.encoder.head_size() * terms));
}

// The queries and keys of the distances, as `disentangled_attention` takes them. Each layer drops out of the embeddings
// with a mask of its own.
Value positions_of(Recording& pass, const DebertaLayer& layer, const DebertaConfig& config, std::size_t number,
                   const Value& distances) {
  std::vector<LinearParameters> projections;
  if (config.position_to_key) projections.push_back(layer.position_query.value_or(layer.query));
  if (config.query_to_position) projections.push_back(layer.position_key.value_or(layer.key));
  const Dropout of_distances =
      layer_dropout(pass, config.encoder.dropout.embeddings, number, DebertaLayerSite::kDistances);
  return linear(pass, projections, dropout(pass, distances, of_distances));
}

}  // namespace

std::uint32_t pooler_site(const DebertaConfig& config) { return site_behind_layers(config); }
std::uint32_t convolution_site(const DebertaConfig& config) { return site_behind_layers(config) + 1; }

DebertaLayer add_deberta_layer(CatalogueBuilder& builder, const DebertaConfig& config) {
  const std::int64_t hidden = config.encoder.hidden_size;
  const auto add_projection = [&](const char* name, bool bias_has_no_gradient = false) {
    return builder.add_linear(std::string("attention.self.") + name, Block::kAttention,
                              LinearShape{.out = hidden, .in = hidden, .bias_has_no_gradient = bias_has_no_gradient});
  };
  // The query of a distance meets each key at another one.
  const bool keys_meet_distances = config.has_distances && config.position_to_key;
  DebertaLayer layer;
  layer.query = add_projection("query_proj");
  layer.key = add_projection("key_proj", !keys_meet_distances);
  layer.value = add_projection("value_proj");
  if (config.has_distances && !config.shares_projections) {
    if (config.query_to_position) layer.position_key = add_projection("pos_key_proj", true);
    if (config.position_to_key) layer.position_query = add_projection("pos_query_proj");
  }
  layer.attention_output = builder.add_linear("attention.output.dense", Block::kAttention, hidden, hidden);
  layer.attention_layer_norm =
      builder.add_layer_norm("attention.output.LayerNorm", Block::kAttention, Follows::kAttention, hidden);
  layer.intermediate =
      builder.add_linear("intermediate.dense", Block::kFeedForward, config.encoder.intermediate_size, hidden);
  layer.output = builder.add_linear("output.dense", Block::kFeedForward, hidden, config.encoder.intermediate_size);
  layer.output_layer_norm =
      builder.add_layer_norm("output.LayerNorm", Block::kFeedForward, Follows::kFeedForward, hidden);
  return layer;
}

std::vector<std::vector<ParameterIndex>> joint_tensors_of(const DebertaLayer& layer) {
  std::vector<std::vector<ParameterIndex>> groups = {{layer.query.weight, layer.key.weight, layer.value.weight},
                                                     {*layer.query.bias, *layer.key.bias, *layer.value.bias}};
  if (layer.position_query && layer.position_key) {
    groups.push_back({layer.position_query->weight, layer.position_key->weight});
    groups.push_back({*layer.position_query->bias, *layer.position_key->bias});
  }
  return groups;
}

Value deberta_layer(Recording& pass, const DebertaLayer& layer, const DebertaConfig& config, std::size_t number,
                    const Value& input, const std::optional<Value>& distances) {
  const EncoderConfig& encoder = config.encoder;
  const bool is_last = static_cast<std::int64_t>(number) + 1 == encoder.num_hidden_layers;
  const bool all_leave = !is_last || pass.options().last_layer == LastLayer::kAllTokens;
  const auto drop = [&](double probability, DebertaLayerSite site) {
    return layer_dropout(pass, probability, number, site);
  };
  DisentangledOptions options{
      .heads = encoder.num_attention_heads,
      .scale = scale_of_scores(config),
      .terms = {},
      .dropout = drop(encoder.dropout.attention_probabilities, DebertaLayerSite::kProbabilities)};
  Value positions;
  if (distances) {
    options.terms = {.query_to_position = config.query_to_position, .position_to_key = config.position_to_key};
    positions = positions_of(pass, layer, config, number, *distances);
  }
  Value leaving = input;
  Value context;
  if (all_leave) {
    const Value all = linear(pass, std::array{layer.query, layer.key, layer.value}, input);
    context = disentangled_attention(pass, all, std::nullopt, positions, options);
  } else {
    const Value key_value = linear(pass, std::array{layer.key, layer.value}, input);
    leaving = pooled_tokens(pass, input);
    context = disentangled_attention(pass, key_value, linear(pass, layer.query, leaving), positions, options);
  }
  const Value attended =
      end_of_block(pass,
                   {.layer = layer.attention_output,
                    .norm = {layer.attention_layer_norm, encoder.layer_norm_eps},
                    .dropout = drop(encoder.dropout.attention_output.value_or(0.0), DebertaLayerSite::kAttentionOutput),
                    .branch = DepthPoint::kAttentionBranch,
                    .depth = number + 1},
                   context, leaving);
  return end_of_block(pass,
                      {.layer = layer.output,
                       .norm = {layer.output_layer_norm, encoder.layer_norm_eps},
                       .dropout = drop(encoder.dropout.feed_forward_output, DebertaLayerSite::kOutput),
                       .branch = DepthPoint::kFeedForwardBranch,
                       .depth = number + 1,
                       .leaves_layer = number > 0 || config.convolution.kernel_size == 0},
                      linear_activation(pass, layer.intermediate, encoder.hidden_act, attended), attended);
}

}  // namespace tunescope
