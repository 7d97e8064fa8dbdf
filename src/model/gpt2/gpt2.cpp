#include "model/gpt2/gpt2.hpp"

#include <cmath>

#include "model/blocks/dropout_sites.hpp"
#include "model/catalogue_builder.hpp"
#include "model/gpt2/gpt2_config.hpp"
#include "model/operations/operations.hpp"
#include "tunescope/data/packed_batch.hpp"

namespace tunescope {
namespace {

// A layer whose blocks begin with LayerNorm: x + attention(LayerNorm(x)), then the same with the feed-forward network.
struct Gpt2Layer {
  LayerNormParameters ln_1;
  LinearParameters c_attn;  // query, key and value side by side
  LinearParameters attn_c_proj;
  LayerNormParameters ln_2;
  LinearParameters c_fc;
  LinearParameters mlp_c_proj;
};

struct Gpt2Tensors {
  ParameterIndex wte = 0;  // [vocabulary, H]
  ParameterIndex wpe = 0;  // [positions, H]
  std::vector<Gpt2Layer> layers;
  LayerNormParameters ln_f;
  LinearParameters score;
};

Gpt2Layer add_gpt2_layer(CatalogueBuilder& builder, const Gpt2Config& config, bool is_first) {
  const auto conv = [](std::int64_t out, std::int64_t in) {
    return LinearShape{.out = out, .in = in, .layout = WeightLayout::kInOut};
  };
  const std::int64_t hidden = config.n_embd;
  Gpt2Layer layer;
  layer.ln_1 = builder.add_layer_norm("ln_1", Block::kAttention,
                                      is_first ? Follows::kEmbeddings : Follows::kFeedForward, hidden);
  layer.c_attn = builder.add_linear("attn.c_attn", Block::kAttention, conv(3 * hidden, hidden));
  layer.attn_c_proj = builder.add_linear("attn.c_proj", Block::kAttention, conv(hidden, hidden));
  layer.ln_2 = builder.add_layer_norm("ln_2", Block::kFeedForward, Follows::kAttention, hidden);
  layer.c_fc = builder.add_linear("mlp.c_fc", Block::kFeedForward, conv(config.n_inner, hidden));
  layer.mlp_c_proj = builder.add_linear("mlp.c_proj", Block::kFeedForward, conv(hidden, config.n_inner));
  return layer;
}

Gpt2Tensors list_gpt2_tensors(CatalogueBuilder& builder, const Gpt2Config& config, std::int64_t outputs) {
  Gpt2Tensors tensors;
  builder.begin_layer("embeddings", "transformer.");
  tensors.wte = builder.add_table("wte.weight", config.vocab_size, config.n_embd);
  tensors.wpe = builder.add_table("wpe.weight", config.n_positions, config.n_embd);
  for (std::int64_t number = 0; number < config.n_layer; ++number) {
    builder.begin_encoder_layer("transformer.h." + std::to_string(number) + ".");
    tensors.layers.push_back(add_gpt2_layer(builder, config, number == 0));
  }
  builder.begin_layer("final", "transformer.");
  tensors.ln_f = builder.add_layer_norm("ln_f", Block::kFeedForward, Follows::kFeedForward, config.n_embd);
  builder.begin_layer("head", "");
  tensors.score = builder.add_linear("score", Block::kHead, {.out = outputs, .in = config.n_embd, .has_bias = false});
  return tensors;
}

class Gpt2 final : public Network {
 public:
  explicit Gpt2(const Gpt2Config& config)
      : config_(config),
        limits_{.layers = config.n_layer,
                .hidden_size = config.n_embd,
                .intermediate_size = config.n_inner,
                .attention_heads = config.n_head,
                .vocabulary = config.vocab_size,
                .positions = config.n_positions} {
    CatalogueBuilder builder;
    tensors_ = list_gpt2_tensors(builder, config_, 1);
  }

  std::string_view architecture() const override { return "GPT-2"; }
  std::string_view model_type() const override { return "gpt2"; }
  std::string_view classifier_class() const override { return "GPT2ForSequenceClassification"; }
  const NetworkLimits& limits() const override { return limits_; }
  std::string_view prefix() const override { return "transformer."; }
  double initializer_range() const override { return config_.initializer_range; }
  std::vector<std::vector<ParameterIndex>> joint_tensors() const override { return {}; }

  ParameterCatalogue catalogue(std::int64_t outputs) const override {
    CatalogueBuilder builder;
    list_gpt2_tensors(builder, config_, outputs);
    return builder.build();
  }

  std::vector<TableLookup> lookups(const PackedBatch& batch) const override {
    return {{tensors_.wte, batch.token_ids}, {tensors_.wpe, token_positions(batch)}};
  }

  // The last token that is not padding, which occurs in packed sequences only if a text spells it; the first if all
  // are.
  std::vector<std::int64_t> pooled_rows(const PackedBatch& batch) const override {
    std::vector<std::int64_t> rows;
    for (std::size_t b = 0; b < batch.examples.size(); ++b) {
      const std::int64_t first = batch.sequence_offsets[b];
      std::int64_t last = batch.sequence_offsets[b + 1] - 1;
      const auto is_padding = [&](std::int64_t token) {
        return config_.pad_token_id && batch.token_ids[static_cast<std::size_t>(token)] == *config_.pad_token_id;
      };
      while (last > first && is_padding(last)) --last;
      rows.push_back(last);
    }
    return rows;
  }

  std::vector<Value> forward(Recording& pass) const override {
    Normalized state =
        embedding_with_sum(pass, norm(tensors_.layers.front().ln_1), pass.dropout(config_.embd_pdrop, kEmbeddingSite));
    for (std::size_t number = 0; number < tensors_.layers.size(); ++number) state = layer(pass, number, state);
    return head(pass, tensors_.score, pooled_tokens(pass, state.output));
  }

 private:
  Norm norm(const LayerNormParameters& parameters) const { return {parameters, config_.layer_norm_epsilon}; }

  double score_scale(std::size_t number) const {
    const auto head_width = static_cast<double>(config_.n_embd / config_.n_head);
    const double scale = config_.scale_attn_weights ? 1.0 / std::sqrt(head_width) : 1.0;
    return config_.scale_attn_by_inverse_layer_idx ? scale / static_cast<double>(number + 1) : scale;
  }

  // Takes and returns the hidden state, and what the next LayerNorm makes of it. What leaves the last layer are the
  // tokens that the head reads, unless all are to leave.
  Normalized layer(Recording& pass, std::size_t number, const Normalized& state) const {
    const Gpt2Layer& layer = tensors_.layers[number];
    const bool is_last = number + 1 == tensors_.layers.size();
    const bool all_leave = !is_last || pass.options().last_layer == LastLayer::kAllTokens;
    const LayerNormParameters& next_norm = is_last ? tensors_.ln_f : tensors_.layers[number + 1].ln_1;
    const auto dropout = [&](double probability, LayerSite site) {
      return pass.dropout(probability, layer_site(number, site));
    };
    const AttentionOptions options{.heads = config_.n_head,
                                   .dropout = dropout(config_.attn_pdrop, LayerSite::kProbabilities),
                                   .is_causal = true,
                                   .scale = score_scale(number)};
    const Value query_key_value = linear(pass, layer.c_attn, state.output);
    const Normalized attended = end_of_block_with_sum(
        pass,
        {.layer = layer.attn_c_proj,
         .norm = norm(layer.ln_2),
         .dropout = dropout(config_.resid_pdrop, LayerSite::kAttentionOutput),
         .branch = DepthPoint::kAttentionBranch,
         .depth = number + 1},
        all_leave ? self_attention(pass, query_key_value, options) : pooled_attention(pass, query_key_value, options),
        all_leave ? state.sum : pooled_tokens(pass, state.sum));
    return end_of_block_with_sum(pass,
                                 {.layer = layer.mlp_c_proj,
                                  .norm = norm(next_norm),
                                  .dropout = dropout(config_.resid_pdrop, LayerSite::kOutput),
                                  .branch = DepthPoint::kFeedForwardBranch,
                                  .depth = number + 1},
                                 linear_activation(pass, layer.c_fc, config_.activation_function, attended.output),
                                 attended.sum);
  }

  Gpt2Config config_;
  NetworkLimits limits_;
  Gpt2Tensors tensors_;
};

}  // namespace

NetworkFile read_gpt2(const ConfigFile& file) {
  NetworkFile network;
  check_keys(file, "gpt2", network.notes);
  network.network = std::make_shared<Gpt2>(read_gpt2_config(file));
  return network;
}

}  // namespace tunescope
