#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "model/blocks/dropout_sites.hpp"
#include "model/catalogue_builder.hpp"
#include "model/operations/operations.hpp"
#include "tunescope/model/encoder_config.hpp"

namespace tunescope {

/// How an architecture names its tensors: in the encoder as BERT, but for the prefix, and above it as RoBERTa.
struct PostNormNames {
  std::string_view prefix;  ///< of everything but the head
  std::string_view layers = "encoder.layer.";
  std::string_view query = "attention.self.query";
  std::string_view key = "attention.self.key";
  std::string_view value = "attention.self.value";
  std::string_view attention_output = "attention.output.dense";
  std::string_view attention_layer_norm = "attention.output.LayerNorm";
  std::string_view intermediate = "intermediate.dense";
  std::string_view output = "output.dense";
  std::string_view output_layer_norm = "output.LayerNorm";
  std::optional<std::string_view> dense = "classifier.dense";  ///< nothing: it is the pooler, which is pre-trained
  std::string_view classifier = "classifier.out_proj";
};

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

/// Lists the tensors of a layer, in the layer that the builder is in.
PostNormLayer add_post_norm_layer(CatalogueBuilder& builder, const EncoderConfig& config, const PostNormNames& names);

/// Computes layer `number`, from 0: the hidden states [T, H] to those that leave it, see `LastLayer`.
Value post_norm_layer(Recording& pass, const PostNormLayer& layer, const EncoderConfig& config, std::size_t number,
                      const Value& input);

}  // namespace tunescope
