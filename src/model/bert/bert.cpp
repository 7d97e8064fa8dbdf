#include "tunescope/model/bert/bert.hpp"

#include "model/blocks/post_norm_encoder.hpp"

namespace tunescope {
namespace {

class Bert final : public PostNormNetwork {
 public:
  explicit Bert(const BertConfig& config)
      : PostNormNetwork(config, {.prefix = "bert.", .dense = std::nullopt, .classifier = "classifier"}) {}

  std::string_view architecture() const override { return "BERT"; }
  std::string_view model_type() const override { return "bert"; }
  std::string_view classifier_class() const override { return "BertForSequenceClassification"; }

  std::vector<Value> forward(Recording& pass) const override {
    const Value hidden = encode(pass);
    const Value pooled = tanh(pass, linear(pass, layers_above().dense, pooled_tokens(pass, hidden)));
    return head(pass, layers_above().output, drop(pass, pooled, kHeadSite));
  }
};

}  // namespace

std::shared_ptr<const Network> make_bert(const BertConfig& config) { return std::make_shared<Bert>(config); }

}  // namespace tunescope
