#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/network.hpp"

namespace tunescope {
namespace {

using ::testing::HasSubstr;

std::string refusal_of(const std::string& method) {
  return test::message_of<ConfigError>([&] { parse_method(method); });
}

ParameterCatalogue small_catalogue(const std::string& golden) {
  return read_network(test::golden("model/" + golden + "/config.json")).network->catalogue(2);
}

// The matrices that a method adds to the layer of this weight.
const std::vector<LowRank>& low_rank(const Additions& additions, const LinearTarget& target) {
  return additions.of(target.weight)->low_rank;
}

TEST(Lora, HasOneSpelling) {
  const std::string text = "lora:alpha=16,dropout=0,rank=8,scaling=lora,targets=query+value";
  EXPECT_EQ(parse_method("lora").text(), text);
  EXPECT_EQ(parse_method("lora:targets=value+query,alpha=16.0").text(), text);
  EXPECT_EQ(parse_method(text).text(), text);
}

TEST(Lora, RefusesWrongOptions) {
  EXPECT_THAT(refusal_of("lora:rank=0"), HasSubstr("rank must be a whole number, 1 or more, not '0'"));
  EXPECT_THAT(refusal_of("lora:rank=2.5"), HasSubstr("not '2.5'"));
  EXPECT_THAT(refusal_of("lora:alpha=0"), HasSubstr("alpha must be a number above 0, not '0'"));
  EXPECT_THAT(refusal_of("lora:dropout=1"), HasSubstr("dropout must be a number of at least 0 and below 1, not '1'"));
  EXPECT_THAT(refusal_of("lora:targets=query+vale"), HasSubstr("unknown target 'vale'; did you mean 'value'?"));
  EXPECT_THAT(refusal_of("lora:targets=query+query"), HasSubstr("target 'query' stands there twice"));
  EXPECT_THAT(refusal_of("lora:scaling=rs"), HasSubstr("unknown scaling 'rs'"));
  EXPECT_THAT(refusal_of("lora:rank=1+lora:rank=2"), HasSubstr("'lora' may be one part, found two"));
  EXPECT_THAT(refusal_of("ia3:rank=1"), HasSubstr("'ia3' takes no options, found 'rank=1'"));
}

TEST(Lora, ScalesByAlphaOverRankOrItsRoot) {
  const ParameterCatalogue catalogue = small_catalogue("roberta");
  const LinearTarget target = linear_targets(catalogue, "query").front();
  const auto scale = [&](const char* method) {
    return low_rank(additions_of(parse_method(method), catalogue), target).front().scale;
  };
  EXPECT_DOUBLE_EQ(scale("lora:alpha=6,rank=4"), 1.5);
  EXPECT_DOUBLE_EQ(scale("lora:alpha=6,rank=4,scaling=rslora"), 3.0);
}

TEST(Lora, AddsToItsTargetsInEveryArchitecture) {
  for (const char* const name : {"roberta", "electra", "distilbert", "gpt2", "deberta"}) {
    const ParameterCatalogue catalogue = small_catalogue(name);
    const Additions additions = additions_of(parse_method("lora:targets=output+query,dropout=0.1"), catalogue);
    EXPECT_EQ(additions.catalogue().size() - catalogue.size(), 2 * 2 * catalogue.encoder_layers()) << name;
    for (const char* const role : {"query", "output"}) {
      for (const LinearTarget& target : linear_targets(catalogue, role)) {
        ASSERT_EQ(low_rank(additions, target).size(), 1U) << name;
        EXPECT_EQ(low_rank(additions, target).front().dropout, 0.1);
      }
    }
  }
}

TEST(Ia3, HasThreeVectorsInEachLayer) {
  for (const char* const name : {"roberta", "electra", "distilbert", "gpt2", "deberta"}) {
    const ParameterCatalogue catalogue = small_catalogue(name);
    const Additions additions = additions_of(parse_method("ia3"), catalogue);
    EXPECT_EQ(additions.catalogue().size() - catalogue.size(), 3 * catalogue.encoder_layers()) << name;
    for (const LinearTarget& target : linear_targets(catalogue, "output")) {
      EXPECT_EQ(additions.of(target.weight)->inputs.size(), 1U);
    }
  }
}

TEST(Adapter, HasOneSpelling) {
  EXPECT_EQ(parse_method("adapter").text(), "adapter:placement=houlsby,size=64");
  EXPECT_EQ(parse_method("adapter:size=8,placement=pfeiffer").text(), "adapter:placement=pfeiffer,size=8");
  EXPECT_EQ(parse_method("layernorm+adapter:size=8").text(), "adapter:placement=houlsby,size=8+layernorm");
}

TEST(Adapter, RefusesWrongOptions) {
  EXPECT_THAT(refusal_of("adapter:size=0"), HasSubstr("size must be a whole number, 1 or more, not '0'"));
  EXPECT_THAT(refusal_of("adapter:placement=pfeifer"),
              HasSubstr("unknown placement 'pfeifer'; did you mean 'pfeiffer'?"));
  EXPECT_THAT(refusal_of("adapter:rank=1"), HasSubstr("unknown option 'rank'"));
  EXPECT_THAT(refusal_of("adapter:size=1+adapter:size=2"), HasSubstr("'adapter' may be one part, found two"));
}

TEST(Adapter, IsBehindTheBlocksOfItsPlacementInEveryArchitecture) {
  for (const char* const name : {"roberta", "electra", "distilbert", "gpt2", "deberta"}) {
    const ParameterCatalogue catalogue = small_catalogue(name);
    for (const bool is_houlsby : {true, false}) {
      const Additions additions =
          additions_of(parse_method(is_houlsby ? "adapter" : "adapter:placement=pfeiffer"), catalogue);
      EXPECT_EQ(additions.catalogue().size() - catalogue.size(), (is_houlsby ? 8 : 4) * catalogue.encoder_layers());
      for (const LinearTarget& target : linear_targets(catalogue, "attention_output")) {
        EXPECT_EQ(additions.of(target.weight) != nullptr, is_houlsby) << name;
      }
      for (const LinearTarget& target : linear_targets(catalogue, "output")) {
        ASSERT_NE(additions.of(target.weight), nullptr) << name;
        const Bottleneck& bottleneck = *additions.of(target.weight)->bottleneck;
        EXPECT_EQ(bottleneck.activation, is_houlsby ? Activation::kSilu : Activation::kRelu);
        EXPECT_EQ(bottleneck.input, is_houlsby ? BottleneckInput::kBranch : BottleneckInput::kSum);
        EXPECT_EQ(additions.catalogue()[bottleneck.down.weight].name, target.name + ".adapter_down.weight");
      }
    }
  }
}

TEST(AddingMethods, TrainAllThatTheyAddAndNothingOfTheModel) {
  const ParameterCatalogue catalogue = small_catalogue("deberta");
  const Method method = parse_method("adapter:size=2+ia3+lora:rank=1");
  const Additions additions = additions_of(method, catalogue);
  const Selection selection = select_parameters(method, additions.catalogue(), {});
  for (ParameterIndex i = 0; i < selection.size(); ++i) {
    const ParameterInfo& info = additions.catalogue()[i];
    EXPECT_EQ(selection[i].kind == TensorSelection::Kind::kAll, info.is_head() || info.is_added) << info.name;
  }
}

// A pool is of the model's tensors.
TEST(AddingMethods, CombineWithAllOthers) {
  const ParameterCatalogue catalogue = small_catalogue("roberta");
  const auto count = [&](const char* method) { return trainable_count(parse_method(method), catalogue); };
  const std::int64_t head = count("head");
  EXPECT_EQ(count("layernorm+lora"), count("layernorm") + count("lora") - head);
  EXPECT_EQ(count("adapter+layernorm"), count("layernorm") + count("adapter") - head);
  EXPECT_EQ(count("full+ia3"), count("full") + count("ia3") - head);
  EXPECT_EQ(count("ia3+random:fraction=0.1,pool=full"), count("random:fraction=0.1,pool=full") + count("ia3") - head);
  EXPECT_EQ(count("fisher:fraction=0.5+lora"), count("random:fraction=0.5") + count("lora") - head);
}

// The matrices of the model stay shared. Both reach down to the first layer.
TEST(AddingMethods, TrainTogetherWithMethodsThatReachAsFarDown) {
  const ParameterCatalogue catalogue = small_catalogue("roberta");
  const auto group = [&](const char* method) { return co_training_group(parse_method(method), catalogue); };
  EXPECT_TRUE(group("lora").has_value());
  EXPECT_EQ(group("lora"), group("ia3"));
  EXPECT_EQ(group("lora"), group("adapter"));
  EXPECT_EQ(group("lora"), group("adapter:placement=pfeiffer,size=3"));
  EXPECT_EQ(group("lora"), group("layernorm-attention"));
  EXPECT_EQ(group("layernorm+lora"), group("layernorm"));
  EXPECT_EQ(group("full+lora"), std::nullopt);
}

}  // namespace
}  // namespace tunescope
