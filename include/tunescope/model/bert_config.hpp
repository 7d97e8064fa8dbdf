#pragma once

#include <cstdint>
#include <filesystem>

#include "tunescope/folder_notes.hpp"
#include "tunescope/kernels/activation.hpp"

namespace tunescope {

/// The probabilities of the network's dropout layers, by what they are applied to.
struct DropoutProbabilities {
  double embeddings = 0.1;
  double attention_probabilities = 0.1;
  double attention_output = 0.1;     ///< before it is added to the block's input
  double feed_forward_output = 0.1;  ///< likewise
  double pooled = 0.1;               ///< the classifier's input

  static DropoutProbabilities uniform(double probability) {
    return {probability, probability, probability, probability, probability};
  }
  bool operator==(const DropoutProbabilities&) const = default;
};

/// The parts of a Hugging Face `config.json` of `model_type` "bert" that determine the computation; defaults are those
/// of transformers' BertConfig.
struct BertConfig {
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
  double initializer_range = 0.02;  ///< standard deviation of the weights that are drawn anew

  std::int64_t head_size() const { return hidden_size / num_attention_heads; }
};

/// A `config.json` as it was read.
struct BertConfigFile {
  BertConfig config;
  FolderNotes notes;
};

/// Reads a `config.json`. Keys that would change numbers in a way that is not supported are refused; a missing
/// `model_type` counts as "bert" unless `architectures` or `pad_token_id` speak against it. Throws `ModelError` naming
/// file, key, what was found and what is supported.
BertConfigFile read_bert_config(const std::filesystem::path& path);

}  // namespace tunescope
