#include "tunescope/model/roberta/roberta.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/index.h>

#include "model/blocks/post_norm_encoder.hpp"
#include "model/config/config_file.hpp"

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
    const Value hidden = encode(pass, position_ids(pass.batch()));
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
  at::Tensor position_ids(const PackedBatch& batch) const {
    const at::Tensor counts = batch.token_ids.ne(pad_token_id_).to(at::kLong);
    const at::Tensor up_to_here = counts.cumsum(0);
    const at::Tensor starts = at::arange(batch.token_count(), batch.token_ids.options()).sub_(batch.position_ids);
    const at::Tensor before_sequence = at::index(up_to_here.sub(counts), {starts});
    return up_to_here.sub(before_sequence).mul_(counts).add_(pad_token_id_);
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
