#include "model/gpt2/gpt2_config.hpp"

namespace tunescope {

Gpt2Config read_gpt2_config(const ConfigFile& file) {
  Gpt2Config config;
  file.positive("vocab_size", config.vocab_size, kLargestDimension);
  file.positive("n_embd", "hidden_size", config.n_embd, kLargestDimension);
  file.positive("n_layer", "num_hidden_layers", config.n_layer, kMostLayers);
  file.positive("n_head", "num_attention_heads", config.n_head, kLargestDimension);
  file.positive("n_positions", "max_position_embeddings", config.n_positions, kLargestDimension);
  config.n_inner = 4 * config.n_embd;
  if (file.is_given("n_inner")) file.positive("n_inner", config.n_inner, kLargestDimension);
  file.activation("activation_function", config.activation_function);
  file.number("layer_norm_epsilon", config.layer_norm_epsilon, 0.0, 1.0);
  file.probability("embd_pdrop", config.embd_pdrop);
  file.probability("attn_pdrop", config.attn_pdrop);
  file.probability("resid_pdrop", config.resid_pdrop);
  file.flag("scale_attn_weights", config.scale_attn_weights);
  file.flag("scale_attn_by_inverse_layer_idx", config.scale_attn_by_inverse_layer_idx);
  file.number("initializer_range", config.initializer_range, 0.0, 1.0);
  if (file.is_given("pad_token_id")) {
    file.whole("pad_token_id", config.pad_token_id.emplace(), 0, config.vocab_size - 1);
  }
  file.divides("n_head", config.n_head, "n_embd", config.n_embd);
  return config;
}

}  // namespace tunescope
