#include "tunescope/model/roberta/roberta.hpp"

#include <ATen/ops/arange.h>

#include "model/blocks/post_norm_encoder.hpp"
#include "model/config_file.hpp"

namespace tunescope {
namespace {

class Roberta final : public Network {
 public:
  explicit Roberta(const RobertaConfig& config)
      : config_(config.encoder),
        pad_token_id_(config.pad_token_id),
        limits_(limits_of(config.encoder, config.pad_token_id + 1)) {
    CatalogueBuilder builder;
    tensors_ = add_tensors(builder, 1);
  }

  std::string_view architecture() const override { return "RoBERTa"; }
  const NetworkLimits& limits() const override { return limits_; }
  std::string_view prefix() const override { return kPrefix; }
  bool has_dropout() const override { return config_.dropout != DropoutProbabilities::uniform(0.0); }
  double initializer_range() const override { return config_.initializer_range; }
  std::vector<std::vector<ParameterIndex>> joint_weights() const override {
    return tunescope::joint_weights(tensors_.encoder);
  }

  ParameterCatalogue catalogue(std::int64_t outputs) const override {
    CatalogueBuilder builder;
    add_tensors(builder, outputs);
    return builder.build();
  }

  std::vector<Value> forward(Recording& pass) const override {
    const Value hidden = post_norm_encoder(pass, tensors_.encoder, config_, position_ids(pass.batch()));
    const auto drop = [&](const Value& input, std::uint32_t site) {
      return dropout(pass, input, pass.dropout(config_.dropout.pooled, site));
    };
    const Value dense = linear(pass, tensors_.dense, drop(pooled_tokens(pass, hidden), first_free_site(config_)));
    return head(pass, tensors_.output, drop(tanh(pass, dense), kHeadSite));
  }

 private:
  static constexpr const char* kPrefix = "roberta.";

  struct Tensors {
    PostNormEncoder encoder;
    LinearParameters dense;
    LinearParameters output;
  };

  Tensors add_tensors(CatalogueBuilder& builder, std::int64_t outputs) const {
    const std::int64_t hidden = config_.hidden_size;
    Tensors tensors{.encoder = add_post_norm_encoder(builder, config_, kPrefix), .dense = {}, .output = {}};
    builder.begin_layer("head", "");
    tensors.dense = builder.add_linear("classifier.dense", Block::kHead, hidden, hidden, RowsOf::kSequences);
    tensors.output = builder.add_linear("classifier.out_proj", Block::kHead, outputs, hidden, RowsOf::kSequences);
    return tensors;
  }

  // Of the n-th token of a sequence that is not padding, counted from 1: n more than the id of padding. Padding itself,
  // which occurs only if a text spells it, has its own id as position (create_position_ids_from_input_ids of
  // transformers).
  at::Tensor position_ids(const PackedBatch& batch) const {
    const at::Tensor counts = batch.token_ids.ne(pad_token_id_).to(at::kLong);
    const at::Tensor up_to_here = counts.cumsum(0);
    const at::Tensor starts = at::arange(batch.token_count(), batch.token_ids.options()).sub_(batch.position_ids);
    const at::Tensor before_sequence = up_to_here.sub(counts).index_select(0, starts);
    return up_to_here.sub(before_sequence).mul_(counts).add_(pad_token_id_);
  }

  EncoderConfig config_;
  std::int64_t pad_token_id_;
  NetworkLimits limits_;
  Tensors tensors_;
};

}  // namespace

std::shared_ptr<const Network> make_roberta(const RobertaConfig& config) { return std::make_shared<Roberta>(config); }

// Defaults that differ from BERT's are those of transformers' RobertaConfig.
NetworkFile read_roberta(const std::filesystem::path& config_file) {
  const ConfigFile file(config_file);
  RobertaConfig config;
  config.encoder.vocab_size = 50265;
  NetworkFile network;
  read_encoder_config(file, config.encoder, network.notes);
  file.whole("pad_token_id", config.pad_token_id, 0, config.encoder.max_position_embeddings - 2);
  network.network = make_roberta(config);
  return network;
}

}  // namespace tunescope
