#include "tunescope/model/roberta/roberta.hpp"

#include "model/blocks/post_norm_encoder.hpp"
#include "model/config/read_encoder_config.hpp"
#include "tunescope/data/packed_batch.hpp"

namespace tunescope {
namespace {

class Roberta final : public PostNormNetwork {
 public:
  explicit Roberta(const RobertaConfig& config)
      : PostNormNetwork(config.encoder, {.prefix = "roberta."}, config.pad_token_id + 1),
        pad_token_id_(config.pad_token_id) {}

  std::string_view architecture() const override { return "RoBERTa"; }
  std::string_view model_type() const override { return "roberta"; }
  std::string_view classifier_class() const override { return "RobertaForSequenceClassification"; }

  std::vector<std::string_view> unused_parts() const override { return {"pooler."}; }

  std::vector<Value> forward(Recording& pass) const override {
    const Value hidden = encode(pass);
    const Value pooled = drop(pass, pooled_tokens(pass, hidden), first_free_site(limits().layers));
    return head(pass, layers_above().output,
                drop(pass, tanh(pass, linear(pass, layers_above().dense, pooled)), kHeadSite));
  }

 private:
  // Of the n-th token of a sequence that is not padding, counted from 1: n more than the id of padding. Padding itself,
  // which occurs only if a text spells it, has its own id as position (create_position_ids_from_input_ids of
  // transformers).
  std::vector<std::int64_t> positions(const PackedBatch& batch) const override {
    std::vector<std::int64_t> positions;
    for (std::size_t b = 0; b < batch.examples.size(); ++b) {
      std::int64_t latest = pad_token_id_;
      for (std::int64_t t = batch.sequence_offsets[b]; t < batch.sequence_offsets[b + 1]; ++t) {
        const bool is_padding = batch.token_ids[static_cast<std::size_t>(t)] == pad_token_id_;
        positions.push_back(is_padding ? pad_token_id_ : ++latest);
      }
    }
    return positions;
  }

  std::int64_t pad_token_id_;
};

}  // namespace

std::shared_ptr<const Network> make_roberta(const RobertaConfig& config) { return std::make_shared<Roberta>(config); }

// Defaults that differ from BERT's are those of transformers' RobertaConfig.
NetworkFile read_roberta(const ConfigFile& file) {
  RobertaConfig config;
  config.encoder.vocab_size = 50265;
  NetworkFile network;
  check_keys(file, "roberta", network.notes);
  read_encoder_config(file, config.encoder);
  file.whole("pad_token_id", config.pad_token_id, 0, config.encoder.max_position_embeddings - 2);
  network.network = make_roberta(config);
  return network;
}

}  // namespace tunescope
