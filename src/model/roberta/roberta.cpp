#include "tunescope/model/roberta/roberta.hpp"

#include "model/blocks/post_norm_encoder.hpp"
#include "model/config/config_file.hpp"
#include "tunescope/data/packed_batch.hpp"

namespace tunescope {
namespace {

class Roberta final : public PostNormNetwork {
 public:
  explicit Roberta(const RobertaConfig& config)
      : PostNormNetwork(config.encoder, "roberta.", config.pad_token_id + 1), pad_token_id_(config.pad_token_id) {
    CatalogueBuilder builder;
    head_ = list_tensors(builder, 1);
  }

  std::string_view architecture() const override { return "RoBERTa"; }
  std::string_view model_type() const override { return "roberta"; }
  std::string_view classifier_class() const override { return "RobertaForSequenceClassification"; }

  std::vector<std::string_view> unused_parts() const override { return {"pooler."}; }

  std::vector<Value> forward(Recording& pass) const override {
    const Value hidden = encode(pass);
    const auto drop = [&](const Value& input, std::uint32_t site) {
      return dropout(pass, input, pass.dropout(config().dropout.pooled, site));
    };
    const Value dense = linear(pass, head_.dense, drop(pooled_tokens(pass, hidden), first_free_site(config())));
    return head(pass, head_.output, drop(tanh(pass, dense), kHeadSite));
  }

 private:
  DenseHead add_head(CatalogueBuilder& builder, std::int64_t outputs) const override {
    const std::int64_t hidden = config().hidden_size;
    DenseHead tensors;
    builder.begin_layer("head", "");
    tensors.dense = builder.add_linear("classifier.dense", Block::kHead, hidden, hidden);
    tensors.output = builder.add_linear("classifier.out_proj", Block::kHead, outputs, hidden);
    return tensors;
  }

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
  DenseHead head_;
};

}  // namespace

std::shared_ptr<const Network> make_roberta(const RobertaConfig& config) { return std::make_shared<Roberta>(config); }

// Defaults that differ from BERT's are those of transformers' RobertaConfig.
NetworkFile read_roberta(const ConfigFile& file) {
  RobertaConfig config;
  config.encoder.vocab_size = 50265;
  NetworkFile network;
  read_encoder_config(file, config.encoder, network.notes);
  file.whole("pad_token_id", config.pad_token_id, 0, config.encoder.max_position_embeddings - 2);
  network.network = make_roberta(config);
  return network;
}

}  // namespace tunescope
