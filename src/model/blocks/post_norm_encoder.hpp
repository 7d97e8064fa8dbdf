#pragma once

#include <string>
#include <vector>

#include "model/blocks/post_norm_layer.hpp"

namespace tunescope {

/// The encoder of BERT and its descendants: embeddings of words, positions and token types, then layers.
struct PostNormEncoder {
  ParameterIndex words = 0;      ///< [vocabulary, H]
  ParameterIndex positions = 0;  ///< [positions, H]
  ParameterIndex types = 0;      ///< [types, H]
  LayerNormParameters embeddings_layer_norm;
  std::vector<PostNormLayer> layers;
};

// The dropout layers are numbered, and each number selects masks of its own: these never change. Every encoder layer
// has three of them; numbers from `first_free_site` on are free for the head.
inline constexpr std::uint32_t kEmbeddingSite = 0;
inline constexpr std::uint32_t kHeadSite = 1;
constexpr std::uint32_t first_free_site(const EncoderConfig& config) {
  return kFirstLayerSite + 3 * static_cast<std::uint32_t>(config.num_hidden_layers);
}

/// Lists the tensors by the names of Hugging Face's BertModel, with the prefix of the network's own class.
PostNormEncoder add_post_norm_encoder(CatalogueBuilder& builder, const EncoderConfig& config,
                                      const std::string& prefix);

/// The hidden states that leave the last layer, see `LastLayer`. `position_ids` [T].
Value post_norm_encoder(Recording& pass, const PostNormEncoder& encoder, const EncoderConfig& config,
                        const at::Tensor& position_ids);

/// The weights that one matrix product can apply, see `Network::joint_weights`.
std::vector<std::vector<ParameterIndex>> joint_weights(const PostNormEncoder& encoder);

/// What the rest of the program needs to know, for networks whose positions begin at `first_position`.
NetworkLimits limits_of(const EncoderConfig& config, std::int64_t first_position = 0);

}  // namespace tunescope
