#include "tunescope/model/bert/bert.hpp"

#include <string>
#include <vector>

#include "model/blocks/post_norm_layer.hpp"

namespace tunescope {
namespace {

struct BertTensors {
  ParameterIndex words = 0;      // [vocabulary, H]
  ParameterIndex positions = 0;  // [positions, H]
  ParameterIndex types = 0;      // [types, H]
  LayerNormParameters embeddings_layer_norm;
  std::vector<PostNormLayer> layers;
  LinearParameters pooler;
  LinearParameters classifier;
};

// The dropout layers are numbered, and each number selects masks of its own.
constexpr std::uint32_t kEmbeddingSite = 0;
constexpr std::uint32_t kClassifierSite = 1;
constexpr std::uint32_t kFirstLayerSite = 2;

PostNormOptions layer_options(const BertConfig& config) {
  return {.hidden_size = config.hidden_size,
          .intermediate_size = config.intermediate_size,
          .heads = config.num_attention_heads,
          .layers = static_cast<std::size_t>(config.num_hidden_layers),
          .activation = config.hidden_act,
          .epsilon = config.layer_norm_eps,
          .attention_probabilities = config.dropout.attention_probabilities,
          .attention_output = config.dropout.attention_output,
          .feed_forward_output = config.dropout.feed_forward_output,
          .first_site = kFirstLayerSite};
}

BertTensors add_tensors(CatalogueBuilder& builder, const BertConfig& config, std::int64_t outputs) {
  const std::int64_t hidden = config.hidden_size;
  BertTensors tensors;
  builder.begin_layer("embeddings", "bert.embeddings.");
  tensors.words = builder.add_table("word_embeddings.weight", config.vocab_size, hidden);
  tensors.positions = builder.add_table("position_embeddings.weight", config.max_position_embeddings, hidden);
  tensors.types = builder.add_table("token_type_embeddings.weight", config.type_vocab_size, hidden);
  tensors.embeddings_layer_norm = builder.add_layer_norm("LayerNorm", Block::kEmbeddings, hidden);
  const PostNormOptions options = layer_options(config);
  for (std::size_t number = 0; number < options.layers; ++number) {
    builder.begin_encoder_layer("bert.encoder.layer." + std::to_string(number) + ".");
    tensors.layers.push_back(add_post_norm_layer(builder, options, number));
  }
  builder.begin_layer("pooler", "bert.pooler.");
  tensors.pooler = builder.add_linear("dense", Block::kPooler, hidden, hidden, RowsOf::kSequences);
  builder.begin_layer("head", "");
  tensors.classifier = builder.add_linear("classifier", Block::kHead, outputs, hidden, RowsOf::kSequences);
  return tensors;
}

class Bert final : public Network {
 public:
  explicit Bert(const BertConfig& config)
      : config_(config),
        limits_{.layers = config.num_hidden_layers,
                .hidden_size = config.hidden_size,
                .intermediate_size = config.intermediate_size,
                .attention_heads = config.num_attention_heads,
                .vocabulary = config.vocab_size,
                .positions = config.max_position_embeddings,
                .token_types = config.type_vocab_size},
        layer_options_(layer_options(config)) {
    CatalogueBuilder builder;
    tensors_ = add_tensors(builder, config, 1);
  }

  std::string_view architecture() const override { return "BERT"; }
  const NetworkLimits& limits() const override { return limits_; }
  bool has_dropout() const override { return config_.dropout != DropoutProbabilities::uniform(0.0); }
  double initializer_range() const override { return config_.initializer_range; }

  ParameterCatalogue catalogue(std::int64_t outputs) const override {
    CatalogueBuilder builder;
    add_tensors(builder, config_, outputs);
    return builder.build();
  }

  std::vector<std::vector<ParameterIndex>> joint_weights() const override {
    std::vector<std::vector<ParameterIndex>> groups;
    for (const PostNormLayer& layer : tensors_.layers) {
      groups.push_back({layer.query.weight, layer.key.weight, layer.value.weight});
    }
    return groups;
  }

  std::vector<Value> forward(Recording& pass) const override {
    const BertTensors& p = tensors_;
    const PackedBatch& batch = pass.batch();
    Value hidden = embedding(
        pass, {{p.words, batch.token_ids}, {p.positions, batch.position_ids}, {p.types, batch.type_ids}},
        {p.embeddings_layer_norm, config_.layer_norm_eps}, pass.dropout(config_.dropout.embeddings, kEmbeddingSite));
    hidden = observe_hidden(pass, hidden, 0);
    for (std::size_t number = 0; number < p.layers.size(); ++number) {
      hidden = post_norm_layer(pass, p.layers[number], layer_options_, number, hidden);
      hidden = observe_hidden(pass, hidden, number + 1);
    }
    const Value pooled = tanh(pass, linear(pass, p.pooler, pooled_tokens(pass, hidden)));
    return head(pass, p.classifier, dropout(pass, pooled, pass.dropout(config_.dropout.pooled, kClassifierSite)));
  }

 private:
  BertConfig config_;
  NetworkLimits limits_;
  PostNormOptions layer_options_;
  BertTensors tensors_;
};

}  // namespace

std::shared_ptr<const Network> make_bert(const BertConfig& config) { return std::make_shared<Bert>(config); }

}  // namespace tunescope
