#include "model/distilbert/distilbert.hpp"

#include "model/blocks/post_norm_encoder.hpp"
#include "model/config/config_file.hpp"

namespace tunescope {
namespace {

constexpr PostNormNames kNames = {.prefix = "distilbert.",
                                  .layers = "transformer.layer.",
                                  .query = "attention.q_lin",
                                  .key = "attention.k_lin",
                                  .value = "attention.v_lin",
                                  .attention_output = "attention.out_lin",
                                  .attention_layer_norm = "sa_layer_norm",
                                  .intermediate = "ffn.lin1",
                                  .output = "ffn.lin2",
                                  .output_layer_norm = "output_layer_norm",
                                  .dense = "pre_classifier",
                                  .classifier = "classifier"};

class Distilbert final : public PostNormNetwork {
 public:
  explicit Distilbert(const EncoderConfig& config) : PostNormNetwork(config, kNames) {}

  std::string_view architecture() const override { return "DistilBERT"; }
  std::string_view model_type() const override { return "distilbert"; }
  std::string_view classifier_class() const override { return "DistilBertForSequenceClassification"; }

  // The head's activation is ReLU whatever `activation` says.
  std::vector<Value> forward(Recording& pass) const override {
    const Value pooled = pooled_tokens(pass, encode(pass));
    const Value dense =
        linear_activation(pass, layers_above().dense, Activation::kRelu, pooled, Readers::kProductsAndOthers);
    return head(pass, layers_above().output, drop(pass, dense, kHeadSite));
  }
};

}  // namespace

// Defaults are those of transformers' DistilBertConfig. The LayerNorms' constant is not in the file.
NetworkFile read_distilbert(const ConfigFile& file) {
  EncoderConfig config;
  config.num_hidden_layers = 6;
  config.type_vocab_size = 0;
  double dropout = 0.1;
  NetworkFile network;
  check_keys(file, "distilbert", network.notes);
  file.positive("vocab_size", config.vocab_size, kLargestDimension);
  file.positive("dim", "hidden_size", config.hidden_size, kLargestDimension);
  file.positive("n_layers", "num_hidden_layers", config.num_hidden_layers, kMostLayers);
  file.positive("n_heads", "num_attention_heads", config.num_attention_heads, kLargestDimension);
  file.positive("hidden_dim", config.intermediate_size, kLargestDimension);
  file.positive("max_position_embeddings", config.max_position_embeddings, kLargestDimension);
  file.activation("activation", config.hidden_act);
  file.number("initializer_range", config.initializer_range, 0.0, 1.0);
  file.divides("n_heads", config.num_attention_heads, "dim", config.hidden_size);
  file.probability("dropout", dropout);
  config.dropout = {.embeddings = dropout, .attention_output = std::nullopt, .feed_forward_output = dropout};
  config.dropout.pooled = 0.2;
  file.probability("attention_dropout", config.dropout.attention_probabilities);
  file.probability("seq_classif_dropout", config.dropout.pooled);
  network.network = std::make_shared<Distilbert>(config);
  return network;
}

}  // namespace tunescope
