#pragma once

#include <cstdint>
#include <memory>

#include "tunescope/model/encoder_config.hpp"
#include "tunescope/model/network.hpp"

namespace tunescope {

class ConfigFile;

/// The convolution over the embeddings, whose output is added behind the first layer. It keeps the length.
struct DebertaConvolution {
  std::int64_t kernel_size = 0;  ///< in tokens, odd; 0: there is none
  std::int64_t groups = 1;
  Activation activation = Activation::kTanh;
};

/// The keys of a `config.json` of `model_type` "deberta-v2".
struct DebertaConfig {
  EncoderConfig encoder;
  bool has_positions = true;       ///< `position_biased_input`: a table of absolute positions
  bool has_distances = false;      ///< `relative_attention`
  std::int64_t buckets = 0;        ///< `position_buckets`; 0: every distance has a row of its own
  std::int64_t most_distance = 0;  ///< `max_relative_positions`
  bool normalizes_distances = false;
  bool shares_projections = false;  ///< `share_att_key`: rows of distances have no projections of their own
  /// `pos_att_type`, whether or not there are distances.
  bool query_to_position = false;
  bool position_to_key = false;
  double pooler_dropout = 0.0;
  Activation pooler_activation = Activation::kGelu;
  DebertaConvolution convolution = {};

  /// Half the rows of the table of distances.
  std::int64_t span() const { return buckets > 0 ? buckets : most_distance; }
};

/// The row of the table of distances for each distance between tokens of sequences of up to `longest` tokens, as
/// `DistanceLookup` has them. Near distances have a row each; with buckets, farther ones share rows that widen like
/// their logarithm (make_log_bucket_position of transformers).
std::vector<std::int64_t> distance_ids(const DebertaConfig& config, std::int64_t longest);

/// DeBERTa-v2 and v3 with a classification head of two layers (He et al. 2021; He et al. 2023). Tensor names and
/// arithmetic are those of Hugging Face's DebertaV2ForSequenceClassification.
std::shared_ptr<const Network> make_deberta(const DebertaConfig& config);

/// Reads a `config.json`. Throws `ModelError` as `read_network`.
NetworkFile read_deberta(const ConfigFile& file);

}  // namespace tunescope
