#pragma once

#include <cstdint>
#include <optional>

#include "tunescope/kernels/activation.hpp"

namespace tunescope {

/// The probabilities of the network's dropout layers, named after what they are applied to.
struct DropoutProbabilities {
  double embeddings = 0.1;
  double attention_probabilities = 0.1;
  std::optional<double> attention_output = 0.1;  ///< before the residual is added; absent: there is no such layer
  double feed_forward_output = 0.1;              ///< before the residual is added
  double pooled = 0.1;                           ///< the classifier's input

  static DropoutProbabilities uniform(double probability) {
    return {probability, probability, probability, probability, probability};
  }
  bool operator==(const DropoutProbabilities&) const = default;
};

/// The keys of a Hugging Face `config.json` that determine the computation of BERT and of encoders that descend from
/// it. Defaults are those of transformers' BertConfig.
struct EncoderConfig {
  std::int64_t vocab_size = 30522;
  std::int64_t hidden_size = 768;
  std::optional<std::int64_t> embedding_size = {};  ///< if the embeddings have another width, and are projected
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t intermediate_size = 3072;
  std::int64_t max_position_embeddings = 512;
  std::int64_t type_vocab_size = 2;  ///< 0: there is no table of token types
  Activation hidden_act = Activation::kGelu;
  double layer_norm_eps = 1e-12;
  DropoutProbabilities dropout;
  double initializer_range = 0.02;  ///< standard deviation of weights that are drawn from scratch

  std::int64_t head_size() const { return hidden_size / num_attention_heads; }
  std::int64_t embedding_width() const { return embedding_size.value_or(hidden_size); }
};

}  // namespace tunescope
