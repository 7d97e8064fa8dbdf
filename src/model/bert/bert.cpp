#include "tunescope/model/bert/bert.hpp"

#include "model/blocks/post_norm_encoder.hpp"

namespace tunescope {
namespace {

class Bert final : public PostNormNetwork {
 public:
  explicit Bert(const BertConfig& config) : PostNormNetwork(config, {.prefix = "bert."}) {
    CatalogueBuilder builder;
    head_ = list_tensors(builder, 1);
  }

  std::string_view architecture() const override { return "BERT"; }
  std::string_view model_type() const override { return "bert"; }
  std::string_view classifier_class() const override { return "BertForSequenceClassification"; }

  std::vector<Value> forward(Recording& pass) const override {
    const Value hidden = encode(pass);
    const Value pooled = tanh(pass, linear(pass, head_.dense, pooled_tokens(pass, hidden)));
    return head(pass, head_.output, drop(pass, pooled, kHeadSite));
  }

 private:
  // The dense layer is the pooler, which is pre-trained.
  DenseHead add_head(CatalogueBuilder& builder, std::int64_t outputs) const override {
    const std::int64_t hidden = config().hidden_size;
    DenseHead tensors;
    builder.begin_layer("pooler", "bert.pooler.");
    tensors.dense = builder.add_linear("dense", Block::kPooler, hidden, hidden);
    builder.begin_layer("head", "");
    tensors.output = builder.add_linear("classifier", Block::kHead, outputs, hidden);
    return tensors;
  }

  DenseHead head_;
};

}  // namespace

std::shared_ptr<const Network> make_bert(const BertConfig& config) { return std::make_shared<Bert>(config); }

}  // namespace tunescope
