#include "tunescope/model/tensor_role.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "support/golden.hpp"
#include "support/small_config.hpp"
#include "tunescope/model/network.hpp"

namespace tunescope {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

std::map<std::string, std::string> roles_by_component(const ParameterCatalogue& catalogue) {
  std::map<std::string, std::string> roles;
  for (const ParameterInfo& parameter : catalogue.parameters()) roles[parameter.component] = role_of(parameter);
  return roles;
}

TEST(TensorRole, SaysWhatEachTensorOfBertIs) {
  EXPECT_THAT(
      roles_by_component(test::small_catalogue(2)),
      ElementsAre(Pair("LayerNorm.bias", "norm.after_embeddings.bias"),
                  Pair("LayerNorm.weight", "norm.after_embeddings.weight"),
                  Pair("attention.output.LayerNorm.bias", "norm.after_attention.bias"),
                  Pair("attention.output.LayerNorm.weight", "norm.after_attention.weight"),
                  Pair("attention.output.dense.bias", "attention_output.bias"),
                  Pair("attention.output.dense.weight", "attention_output.weight"),
                  Pair("attention.self.key.bias", "key.bias.no_gradient"),
                  Pair("attention.self.key.weight", "key.weight"), Pair("attention.self.query.bias", "query.bias"),
                  Pair("attention.self.query.weight", "query.weight"), Pair("attention.self.value.bias", "value.bias"),
                  Pair("attention.self.value.weight", "value.weight"), Pair("classifier.bias", "head.classifier.bias"),
                  Pair("classifier.weight", "head.classifier.weight"), Pair("dense.bias", "pooler.dense.bias"),
                  Pair("dense.weight", "pooler.dense.weight"), Pair("intermediate.dense.bias", "intermediate.bias"),
                  Pair("intermediate.dense.weight", "intermediate.weight"),
                  Pair("output.LayerNorm.bias", "norm.after_feed_forward.bias"),
                  Pair("output.LayerNorm.weight", "norm.after_feed_forward.weight"),
                  Pair("output.dense.bias", "output.bias"), Pair("output.dense.weight", "output.weight"),
                  Pair("position_embeddings.weight", "embeddings.position"),
                  Pair("token_type_embeddings.weight", "embeddings.token_type"),
                  Pair("word_embeddings.weight", "embeddings.word")));
}

// A role that two tensors of a layer shared would make one number of two.
void expect_a_role_for_each_tensor(const ParameterCatalogue& catalogue) {
  std::set<std::string> seen;
  for (const ParameterInfo& parameter : catalogue.parameters()) {
    const std::string role = role_of(parameter);
    EXPECT_THAT(role, AllOf(Not(StartsWith("other.")), Not(StartsWith("embeddings.other"))))
        << parameter.name << ": name it in src/model/tensor_role.cpp";
    EXPECT_TRUE(seen.insert(std::to_string(parameter.layer) + role).second) << parameter.name;
  }
}

// Every architecture has a golden model.
TEST(TensorRole, IsKnownOfEveryTensorAndItsOwnInEachLayer) {
  std::set<std::string_view> architectures;
  for (const auto& folder : std::filesystem::directory_iterator(test::golden("model"))) {
    if (!std::filesystem::exists(folder.path() / "config.json")) continue;
    const std::shared_ptr<const Network> network = read_network(folder.path() / "config.json").network;
    architectures.insert(network->architecture());
    expect_a_role_for_each_tensor(network->catalogue(2));
  }
  EXPECT_THAT(architectures, IsSupersetOf({"BERT", "RoBERTa", "ELECTRA", "DistilBERT", "GPT-2", "DeBERTa-v2"}));
}

TEST(TensorRole, OfAnUnknownTensorSaysSo) {
  EXPECT_EQ(role_of({.name = "a", .component = "mixer.gate.weight", .shape = {2}}), "other.weight");
  EXPECT_EQ(role_of({.name = "a", .component = "mixer.gate.bias", .shape = {2}, .is_bias = true}), "other.bias");
}

}  // namespace
}  // namespace tunescope
