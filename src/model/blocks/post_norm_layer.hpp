#pragma once

#include <cstddef>
#include <cstdint>

#include "model/catalogue_builder.hpp"
#include "model/operations/operations.hpp"
#include "tunescope/model/encoder_config.hpp"

namespace tunescope {

/// An encoder layer whose LayerNorms follow the residual additions, as in BERT and its descendants (Vaswani et al.
/// 2017).
struct PostNormLayer {
  LinearParameters query, key, value;
  LinearParameters attention_output;
  LayerNormParameters attention_layer_norm;
  LinearParameters intermediate;
  LinearParameters output;
  LayerNormParameters output_layer_norm;
};

/// Number of the first dropout layer of the first encoder layer. Each layer has three.
inline constexpr std::uint32_t kFirstLayerSite = 2;

/// Lists the tensors of a layer by the names of Hugging Face's BertLayer, in the layer that the builder is in.
PostNormLayer add_post_norm_layer(CatalogueBuilder& builder, const EncoderConfig& config);

/// Computes layer `number`, from 0: the hidden states [T, H] to those that leave it, see `LastLayer`.
Value post_norm_layer(Recording& pass, const PostNormLayer& layer, const EncoderConfig& config, std::size_t number,
                      const Value& input);

}  // namespace tunescope
