#include "model/electra/electra.hpp"

#include "model/blocks/post_norm_encoder.hpp"
#include "model/config/read_encoder_config.hpp"

namespace tunescope {
namespace {

class Electra final : public PostNormNetwork {
 public:
  explicit Electra(const EncoderConfig& config) : PostNormNetwork(config, {.prefix = "electra."}) {}

  std::string_view architecture() const override { return "ELECTRA"; }
  std::string_view model_type() const override { return "electra"; }
  std::string_view classifier_class() const override { return "ElectraForSequenceClassification"; }

  // The head's activation is GELU whatever `hidden_act` says.
  std::vector<Value> forward(Recording& pass) const override {
    const Value hidden = encode(pass);
    const Value pooled = drop(pass, pooled_tokens(pass, hidden), first_free_site(limits().layers));
    const Value dense =
        linear_activation(pass, layers_above().dense, Activation::kGelu, pooled, Readers::kProductsAndOthers);
    return head(pass, layers_above().output, drop(pass, dense, kHeadSite));
  }
};

}  // namespace

// Defaults that differ from BERT's are those of transformers' ElectraConfig: "small".
NetworkFile read_electra(const ConfigFile& file) {
  EncoderConfig config;
  config.hidden_size = 256;
  config.num_attention_heads = 4;
  config.intermediate_size = 1024;
  NetworkFile network;
  check_keys(file, "electra", network.notes);
  read_encoder_config(file, config);
  config.embedding_size = 128;
  file.positive("embedding_size", *config.embedding_size, kLargestDimension);
  network.network = std::make_shared<Electra>(config);
  return network;
}

}  // namespace tunescope
