#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/blocks/post_norm_layer.hpp"

namespace tunescope {

/// The encoder of BERT and its descendants: embeddings of words, positions and token types, then layers. E is the width
/// of the embeddings.
struct PostNormEncoder {
  ParameterIndex words = 0;             ///< [vocabulary, E]
  ParameterIndex positions = 0;         ///< [positions, E]
  std::optional<ParameterIndex> types;  ///< [types, E]
  LayerNormParameters embeddings_layer_norm;
  std::optional<LinearParameters> projection;  ///< [H, E], if E is not H
  std::vector<PostNormLayer> layers;
};

/// Lists the tensors.
PostNormEncoder add_post_norm_encoder(CatalogueBuilder& builder, const EncoderConfig& config,
                                      const PostNormNames& names);

/// The hidden states that leave the last layer, see `LastLayer`.
Value post_norm_encoder(Recording& pass, const PostNormEncoder& encoder, const EncoderConfig& config);

/// What is above the encoder: a dense layer, and the layer that gives the logits.
struct DenseHead {
  LinearParameters dense;
  LinearParameters output;
};

/// What the networks with this encoder answer alike. A subclass computes its forward pass.
class PostNormNetwork : public Network {
 public:
  const NetworkLimits& limits() const final { return limits_; }
  std::string_view prefix() const final { return names_.prefix; }
  double initializer_range() const final { return config_.initializer_range; }
  std::vector<std::vector<ParameterIndex>> joint_tensors() const final;
  std::vector<TableLookup> lookups(const PackedBatch& batch) const final;
  ParameterCatalogue catalogue(std::int64_t outputs) const final;

 protected:
  /// Positions are counted from `first_position`. The texts of `names` must outlive the network.
  PostNormNetwork(const EncoderConfig& config, const PostNormNames& names, std::int64_t first_position = 0);

  const DenseHead& layers_above() const { return head_; }
  /// [T], of each token in its sequence: by default counted from 0.
  virtual std::vector<std::int64_t> positions(const PackedBatch& batch) const;
  Value encode(Recording& pass) const { return post_norm_encoder(pass, encoder_, config_); }
  /// A dropout layer of the head.
  Value drop(Recording& pass, const Value& input, std::uint32_t site) const {
    return dropout(pass, input, pass.dropout(config_.dropout.pooled, site));
  }

 private:
  DenseHead add_head(CatalogueBuilder& builder, std::int64_t outputs) const;

  EncoderConfig config_;
  PostNormNames names_;
  NetworkLimits limits_;
  PostNormEncoder encoder_;
  DenseHead head_;
};

}  // namespace tunescope
