#include "tunescope/model/bert/bert.hpp"

#include "model/blocks/post_norm_encoder.hpp"

namespace tunescope {
namespace {

class Bert final : public Network {
 public:
  explicit Bert(const BertConfig& config) : config_(config), limits_(limits_of(config)) {
    CatalogueBuilder builder;
    tensors_ = add_tensors(builder, 1);
  }

  std::string_view architecture() const override { return "BERT"; }
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
    const Value hidden = post_norm_encoder(pass, tensors_.encoder, config_, pass.batch().position_ids);
    const Value pooled = tanh(pass, linear(pass, tensors_.pooler, pooled_tokens(pass, hidden)));
    return head(pass, tensors_.classifier, dropout(pass, pooled, pass.dropout(config_.dropout.pooled, kHeadSite)));
  }

 private:
  static constexpr const char* kPrefix = "bert.";

  struct Tensors {
    PostNormEncoder encoder;
    LinearParameters pooler;
    LinearParameters classifier;
  };

  Tensors add_tensors(CatalogueBuilder& builder, std::int64_t outputs) const {
    const std::int64_t hidden = config_.hidden_size;
    Tensors tensors{.encoder = add_post_norm_encoder(builder, config_, kPrefix), .pooler = {}, .classifier = {}};
    builder.begin_layer("pooler", std::string(kPrefix) + "pooler.");
    tensors.pooler = builder.add_linear("dense", Block::kPooler, hidden, hidden, RowsOf::kSequences);
    builder.begin_layer("head", "");
    tensors.classifier = builder.add_linear("classifier", Block::kHead, outputs, hidden, RowsOf::kSequences);
    return tensors;
  }

  BertConfig config_;
  NetworkLimits limits_;
  Tensors tensors_;
};

}  // namespace

std::shared_ptr<const Network> make_bert(const BertConfig& config) { return std::make_shared<Bert>(config); }

}  // namespace tunescope
