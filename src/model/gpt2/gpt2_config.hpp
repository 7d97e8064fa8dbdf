#pragma once

#include <cstdint>
#include <optional>

#include "model/config/config_file.hpp"

namespace tunescope {

/// The keys of a `config.json` of `model_type` "gpt2" that determine the computation. Defaults are those of
/// transformers' GPT2Config.
struct Gpt2Config {
  std::int64_t vocab_size = 50257;
  std::int64_t n_embd = 768;
  std::int64_t n_layer = 12;
  std::int64_t n_head = 12;
  std::int64_t n_positions = 1024;
  std::int64_t n_inner = 4 * 768;  ///< absent: four times `n_embd`
  Activation activation_function = Activation::kGeluTanh;
  double layer_norm_epsilon = 1e-5;
  double embd_pdrop = 0.1;
  double attn_pdrop = 0.1;
  double resid_pdrop = 0.1;
  bool scale_attn_weights = true;
  bool scale_attn_by_inverse_layer_idx = false;
  double initializer_range = 0.02;
  std::optional<std::int64_t> pad_token_id = {};
};

Gpt2Config read_gpt2_config(const ConfigFile& file);

}  // namespace tunescope
