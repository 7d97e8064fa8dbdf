#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "model/catalogue_builder.hpp"
#include "model/operations/operations.hpp"

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

/// What all layers of a network have in common.
struct PostNormOptions {
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t heads = 1;
  std::size_t layers = 0;
  Activation activation = Activation::kGelu;
  double epsilon = 0.0;
  // Probabilities of the dropout layers.
  double attention_probabilities = 0.0;
  double attention_output = 0.0;
  double feed_forward_output = 0.0;
  std::uint32_t first_site = 0;  ///< of the dropout layers: layer l has first_site + 3 l and the two after it
};

/// Lists the tensors of layer `number` by the names of Hugging Face's BertLayer, in the layer that the builder is in.
PostNormLayer add_post_norm_layer(CatalogueBuilder& builder, const PostNormOptions& options, std::size_t number);

/// Computes layer `number`, from 0: the hidden states [T, H] to those that leave it, see `LastLayer`.
Value post_norm_layer(Recording& pass, const PostNormLayer& layer, const PostNormOptions& options, std::size_t number,
                      const Value& input);

}  // namespace tunescope
