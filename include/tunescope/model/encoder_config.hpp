#pragma once

#include <cstdint>

#include "tunescope/kernels/activation.hpp"

namespace tunescope {

/// The probabilities of the network's dropout layers, named after what they are applied to.
struct DropoutProbabilities {
  double embeddings = 0.1;
  double attention_probabilities = 0.1;
  double attention_output = 0.1;     ///< applied before the residual is added
  double feed_forward_output = 0.1;  ///< applied before the residual is added
  double pooled = 0.1;               ///< the classifier's input

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
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t intermediate_size = 3072;
  std::int64_t max_position_embeddings = 512;
  std::int64_t type_vocab_size = 2;
  Activation hidden_act = Activation::kGelu;
  double layer_norm_eps = 1e-12;
  DropoutProbabilities dropout;
  double initializer_range = 0.02;  ///< standard deviation of weights that are drawn from scratch

  std::int64_t head_size() const { return hidden_size / num_attention_heads; }
};

}  // namespace tunescope
