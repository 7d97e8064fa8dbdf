#include "post_norm_layer.hpp"

#include <array>

namespace tunescope {
namespace {

bool is_last(std::size_t number, const EncoderConfig& config) {
  return static_cast<std::int64_t>(number) + 1 == config.num_hidden_layers;
}

}  // namespace

PostNormLayer add_post_norm_layer(CatalogueBuilder& builder, const EncoderConfig& config, const PostNormNames& names) {
  const std::int64_t hidden = config.hidden_size;
  const auto attention = [&](std::string_view name) {
    return builder.add_linear(name, Block::kAttention, hidden, hidden);
  };
  const auto layer_norm = [&](std::string_view name, Block block, Follows follows) {
    return builder.add_layer_norm(name, block, follows, hidden);
  };
  PostNormLayer layer;
  layer.query = attention(names.query);
  layer.key = builder.add_linear(names.key, Block::kAttention,
                                 LinearShape{.out = hidden, .in = hidden, .bias_has_no_gradient = true});
  layer.value = attention(names.value);
  layer.attention_output = attention(names.attention_output);
  layer.attention_layer_norm = layer_norm(names.attention_layer_norm, Block::kAttention, Follows::kAttention);
  layer.intermediate = builder.add_linear(names.intermediate, Block::kFeedForward, config.intermediate_size, hidden);
  layer.output = builder.add_linear(names.output, Block::kFeedForward, hidden, config.intermediate_size);
  layer.output_layer_norm = layer_norm(names.output_layer_norm, Block::kFeedForward, Follows::kFeedForward);
  return layer;
}

Value post_norm_layer(Recording& pass, const PostNormLayer& layer, const EncoderConfig& config, std::size_t number,
                      const Value& input) {
  const auto dropout = [&](double probability, LayerSite site) {
    return pass.dropout(probability, layer_site(number, site));
  };
  const bool all_leave = !is_last(number, config) || pass.options().last_layer == LastLayer::kAllTokens;
  const AttentionOptions options{.heads = config.num_attention_heads,
                                 .dropout = dropout(config.dropout.attention_probabilities, LayerSite::kProbabilities)};
  const Dropout of_attention_output = config.dropout.attention_output
                                          ? dropout(*config.dropout.attention_output, LayerSite::kAttentionOutput)
                                          : Dropout();
  Value leaving = input;
  Value context;
  if (all_leave) {
    context = self_attention(pass, linear(pass, std::array{layer.query, layer.key, layer.value}, input), options);
  } else {
    const Value key_value = linear(pass, std::array{layer.key, layer.value}, input);
    leaving = pooled_tokens(pass, input);
    context = attention(pass, linear(pass, layer.query, leaving), key_value, options);
  }
  const Value attended = end_of_block(pass,
                                      {.layer = layer.attention_output,
                                       .norm = {layer.attention_layer_norm, config.layer_norm_eps},
                                       .dropout = of_attention_output,
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
