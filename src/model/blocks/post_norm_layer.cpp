#include "post_norm_layer.hpp"

#include <array>

namespace tunescope {
namespace {

enum class LayerSite : std::uint32_t { kProbabilities, kAttentionOutput, kOutput };

bool is_last(std::size_t number, const EncoderConfig& config) {
  return static_cast<std::int64_t>(number) + 1 == config.num_hidden_layers;
}

}  // namespace

PostNormLayer add_post_norm_layer(CatalogueBuilder& builder, const EncoderConfig& config) {
  const std::int64_t hidden = config.hidden_size;
  PostNormLayer layer;
  layer.query = builder.add_linear("attention.self.query", Block::kAttention, hidden, hidden);
  layer.key = builder.add_linear("attention.self.key", Block::kAttention, hidden, hidden);
  layer.value = builder.add_linear("attention.self.value", Block::kAttention, hidden, hidden);
  layer.attention_output = builder.add_linear("attention.output.dense", Block::kAttention, hidden, hidden);
  layer.attention_layer_norm =
      builder.add_layer_norm("attention.output.LayerNorm", Block::kAttention, Follows::kAttention, hidden);
  layer.intermediate = builder.add_linear("intermediate.dense", Block::kFeedForward, config.intermediate_size, hidden);
  layer.output = builder.add_linear("output.dense", Block::kFeedForward, hidden, config.intermediate_size);
  layer.output_layer_norm =
      builder.add_layer_norm("output.LayerNorm", Block::kFeedForward, Follows::kFeedForward, hidden);
  return layer;
}

Value post_norm_layer(Recording& pass, const PostNormLayer& layer, const EncoderConfig& config, std::size_t number,
                      const Value& input) {
  const auto dropout = [&](double probability, LayerSite site) {
    return pass.dropout(probability,
                        kFirstLayerSite + 3 * static_cast<std::uint32_t>(number) + static_cast<std::uint32_t>(site));
  };
  const bool all_leave = !is_last(number, config) || pass.options().last_layer == LastLayer::kAllTokens;
  const Dropout of_probabilities = dropout(config.dropout.attention_probabilities, LayerSite::kProbabilities);
  Value leaving = input;
  Value context;
  if (all_leave) {
    const Value all = linear(pass, std::array{layer.query, layer.key, layer.value}, input);
    context = self_attention(pass, all, config.num_attention_heads, of_probabilities);
  } else {
    const Value key_value = linear(pass, std::array{layer.key, layer.value}, input);
    leaving = pooled_tokens(pass, input);
    const Value query = linear(pass, layer.query, leaving);
    context = attention(pass, query, key_value, config.num_attention_heads, of_probabilities);
  }
  const Value attended = end_of_block(pass,
                                      {.layer = layer.attention_output,
                                       .norm = {layer.attention_layer_norm, config.layer_norm_eps},
                                       .dropout = dropout(config.dropout.attention_output, LayerSite::kAttentionOutput),
                                       .branch = DepthPoint::kAttentionBranch,
                                       .depth = number + 1},
                                      context, leaving);
  return end_of_block(pass,
                      {.layer = layer.output,
                       .norm = {layer.output_layer_norm, config.layer_norm_eps},
                       .dropout = dropout(config.dropout.feed_forward_output, LayerSite::kOutput),
                       .branch = DepthPoint::kFeedForwardBranch,
                       .depth = number + 1},
                      linear_activation(pass, layer.intermediate, config.hidden_act, attended), attended);
}

}  // namespace tunescope
