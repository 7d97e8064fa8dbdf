#include "tunescope/method/method.hpp"

#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "support/catalogue_lookup.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/model/bert/bert.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string refusal(const char* text) {
  return message_of<ConfigError>([&] { parse_method(text); });
}

ParameterCatalogue bert_large_cased() {
  BertConfig config;
  config.vocab_size = 28996;
  config.hidden_size = 1024;
  config.num_hidden_layers = 24;
  config.num_attention_heads = 16;
  config.intermediate_size = 4096;
  return make_bert(config)->catalogue(2);
}

constexpr std::int64_t kHeadOfTwoOutputs = 2 * 1024 + 2;
constexpr std::int64_t kLayerNormPool = 100'352;

// Trainable scalars of BERT-large-cased, without the head.
std::int64_t backbone_count(const char* method) {
  const ParameterCatalogue catalogue = bert_large_cased();
  return trainable_count(select_parameters(parse_method(method), catalogue, {.seed = 0}), catalogue) -
         kHeadOfTwoOutputs;
}

// The numbers of the selected LayerNorm scalars, counted through all LayerNorm tensors in catalogue order.
std::vector<std::int64_t> group_positions(const Selection& selection, const ParameterCatalogue& catalogue) {
  std::vector<std::int64_t> positions;
  std::int64_t first = 0;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (!catalogue[i].is_layer_norm()) continue;
    for (const std::int64_t index : selection[i].indices) positions.push_back(first + index);
    first += catalogue[i].size();
  }
  return positions;
}

TEST(Method, HasOneSpelling) {
  EXPECT_EQ(parse_method("full").text(), "full");
  EXPECT_EQ(parse_method("layernorm-output").text(), "layernorm-output");
  EXPECT_EQ(parse_method("random:fraction=0.20").text(), "random:fraction=0.2,pool=layernorm");
  EXPECT_EQ(parse_method("random:pool=layernorm,fraction=2e-1").text(), "random:fraction=0.2,pool=layernorm");
  EXPECT_EQ(parse_method("random:pool=bitfit,fraction=1").text(), "random:fraction=1,pool=bitfit");
}

TEST(Method, IsTheSameAfterItsSpellingIsParsed) {
  const std::string text = parse_method("random:fraction=0.125,pool=full").text();
  EXPECT_EQ(parse_method(text).text(), text);
}

TEST(Method, KnowsThatOnlyFullTrainsEverything) {
  EXPECT_TRUE(parse_method("full").trains_everything());
  EXPECT_FALSE(parse_method("bitfit").trains_everything());
  EXPECT_FALSE(parse_method("full:layers=last2").trains_everything());
  EXPECT_FALSE(parse_method("random:fraction=1,pool=full").trains_everything());
}

TEST(Method, RefusalNamesTheNearestMethod) {
  EXPECT_THAT(refusal("layernrm"), AllOf(HasSubstr("layernrm"), HasSubstr("did you mean 'layernorm'?")));
  EXPECT_THAT(refusal("randon:fraction=0.2"), HasSubstr("did you mean 'random'?"));
  EXPECT_THAT(refusal("bitfits"), HasSubstr("did you mean 'bitfit'?"));
}

TEST(Method, RefusalNamesTheNearestOption) {
  EXPECT_THAT(refusal("random:fractoin=0.2"), AllOf(HasSubstr("fractoin"), HasSubstr("did you mean 'fraction'?")));
}

TEST(Method, RefusalNamesTheNearestGroup) {
  EXPECT_THAT(refusal("random:fraction=0.2,pool=bitfitt"), HasSubstr("did you mean 'bitfit'?"));
}

TEST(Method, RefusesFractionsOutsideZeroToOne) {
  for (const char* text : {"random:fraction=0", "random:fraction=1.5", "random:fraction=-0.1", "random:fraction=nan",
                           "random:fraction=half", "random:fraction=0.2x"}) {
    EXPECT_THAT(refusal(text), AllOf(HasSubstr("fraction"), HasSubstr("at most 1"))) << text;
  }
}

TEST(Method, RefusesAMissingFraction) {
  EXPECT_THAT(refusal("random"), HasSubstr("'random' needs either fraction"));
  EXPECT_THAT(refusal("random:"), HasSubstr("'random' needs either fraction"));
  EXPECT_THAT(refusal("random:fraction="), HasSubstr("'fraction' needs a value"));
}

TEST(Method, RefusesOptionsOfOtherMethods) {
  EXPECT_THAT(refusal("layernorm:fraction=0.2"), HasSubstr("unknown option 'fraction'; known are layers"));
}

TEST(Method, RefusesAGroupWithoutMembers) { EXPECT_THAT(refusal("random:fraction=0.2,pool=head"), HasSubstr("head")); }

TEST(MethodSelection, CountsThePublishedScalarsOfBertLargeCased) {
  EXPECT_EQ(bert_large_cased().backbone_size(), 333'579'264);
  EXPECT_EQ(backbone_count("full"), 333'579'264);
  EXPECT_EQ(backbone_count("layernorm"), kLayerNormPool);
  EXPECT_EQ(backbone_count("layernorm-output"), 49'152);
  EXPECT_EQ(backbone_count("layernorm-attention"), 49'152);
  EXPECT_EQ(backbone_count("bitfit"), 272'384);
  EXPECT_EQ(backbone_count("head"), 0);
}

TEST(MethodSelection, AlwaysTrainsTheWholeHead) {
  const ParameterCatalogue catalogue = bert_large_cased();
  for (const char* method : {"full", "head", "layernorm", "bitfit", "random:fraction=0.001"}) {
    const Selection selection = select_parameters(parse_method(method), catalogue, {.seed = 1});
    EXPECT_EQ(selection[test::index_of(catalogue, "classifier.weight")].kind, TensorSelection::Kind::kAll) << method;
    EXPECT_EQ(selection[test::index_of(catalogue, "classifier.bias")].kind, TensorSelection::Kind::kAll) << method;
  }
}

TEST(MethodSelection, RandomSubsetHasItsFractionOfThePoolRounded) {
  EXPECT_EQ(backbone_count("random:fraction=0.2"), 20'070);  // 20070.4
  EXPECT_EQ(backbone_count("random:fraction=0.001"), 100);   // 100.352
  EXPECT_EQ(backbone_count("random:fraction=0.00002"), 2);   // 2.007
  EXPECT_EQ(backbone_count("random:fraction=0.5,pool=layernorm-output"), 24'576);
  EXPECT_EQ(backbone_count("random:fraction=1"), kLayerNormPool);
}

TEST(MethodSelection, RandomSubsetIsAFunctionOfTheSeed) {
  const ParameterCatalogue catalogue = bert_large_cased();
  const Method method = parse_method("random:fraction=0.01");
  const auto subset = [&](std::uint64_t seed) {
    return group_positions(select_parameters(method, catalogue, {.seed = seed}), catalogue);
  };
  EXPECT_EQ(subset(7), subset(7));
  EXPECT_NE(subset(7), subset(8));
}

TEST(MethodSelection, RandomSubsetLiesInsideTheGroup) {
  const ParameterCatalogue catalogue = bert_large_cased();
  const Selection selection = select_parameters(parse_method("random:fraction=0.2"), catalogue, {.seed = 3});
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    const ParameterInfo& info = catalogue[i];
    if (info.is_head()) continue;
    if (!info.is_layer_norm()) {
      EXPECT_EQ(selection[i].count(info.size()), 0) << info.name;
      continue;
    }
    const std::vector<std::int64_t>& indices = selection[i].indices;
    ASSERT_FALSE(indices.empty()) << info.name;
    EXPECT_GE(indices.front(), 0) << info.name;
    EXPECT_LT(indices.back(), info.size()) << info.name;
    EXPECT_EQ(std::adjacent_find(indices.begin(), indices.end(), std::greater_equal<>()), indices.end())
        << info.name << ": not ascending";
  }
}

TEST(MethodSelection, RandomSubsetIsUniformOverTheGroup) {
  const ParameterCatalogue catalogue = bert_large_cased();
  const Selection selection = select_parameters(parse_method("random:fraction=0.2"), catalogue, {.seed = 5});
  // 98 tensors of 1024 scalars: 204.8 expected in each, with a standard deviation of 12.8.
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (!catalogue[i].is_layer_norm()) continue;
    EXPECT_NEAR(static_cast<double>(selection[i].indices.size()), 204.8, 5 * 12.8) << catalogue[i].name;
  }
}

// The importance of the LayerNorm scalars of a small model: `value` of the number of the scalar within the group.
template <typename Value>
ParameterImportance layer_norm_importance(const ParameterCatalogue& catalogue, Value value) {
  ParameterImportance importance(catalogue.size());
  std::int64_t position = 0;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (!catalogue[i].is_layer_norm()) continue;
    importance[i] = at::empty({catalogue[i].size()}, at::TensorOptions().dtype(at::kFloat));
    for (std::int64_t k = 0; k < catalogue[i].size(); ++k) importance[i][k] = static_cast<float>(value(position++));
  }
  return importance;
}

class FisherSelection : public ::testing::Test {
 protected:
  // 5 LayerNorms of 8 weights and 8 biases: a group of 80 scalars.
  static BertConfig small() {
    BertConfig config;
    config.vocab_size = 10;
    config.hidden_size = 8;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 2;
    config.intermediate_size = 16;
    return config;
  }
  std::vector<std::int64_t> choose(const std::string& method,
                                   const std::vector<ParameterImportance>& importance) const {
    return group_positions(select_parameters(parse_method(method), catalogue, {.importance = importance}), catalogue);
  }
  ParameterCatalogue catalogue = make_bert(small())->catalogue(2);
};

TEST_F(FisherSelection, TakesTheLargestScores) {
  const ParameterImportance rising =
      layer_norm_importance(catalogue, [](std::int64_t position) { return position * 1e-9; });
  EXPECT_THAT(choose("fisher:fraction=0.05", {rising}), testing::ElementsAre(76, 77, 78, 79));
  EXPECT_EQ(choose("fisher:fraction=1", {rising}).size(), 80U);
  EXPECT_THAT(choose("fisher:fraction=0.0001", {rising}), testing::ElementsAre(79));
}

TEST_F(FisherSelection, BreaksTiesInTheOrderOfTheModel) {
  const ParameterImportance tied =
      layer_norm_importance(catalogue, [](std::int64_t position) { return position == 40 ? 1 : 0; });
  EXPECT_THAT(choose("fisher:fraction=0.05", {tied}), testing::ElementsAre(0, 1, 2, 40));
}

TEST_F(FisherSelection, OverSeveralTasksGrowsTheirSetsAlike) {
  const ParameterImportance rising = layer_norm_importance(catalogue, [](std::int64_t position) { return position; });
  const ParameterImportance falling =
      layer_norm_importance(catalogue, [](std::int64_t position) { return 100 - position; });
  EXPECT_THAT(choose("fisher:fraction=0.05,scope=union", {rising, falling}), testing::ElementsAre(0, 1, 78, 79));
  EXPECT_EQ(choose("fisher:fraction=0.3,scope=union", {rising, falling}),
            choose("fisher:fraction=0.3,scope=union", {falling, rising}));
}

TEST_F(FisherSelection, NeedsScores) {
  EXPECT_NE(parse_method("fisher:fraction=0.5").fisher_part(), nullptr);
  EXPECT_EQ(parse_method("random:fraction=0.5").fisher_part(), nullptr);
  EXPECT_THROW(choose("fisher:fraction=0.5", {}), ConfigError);
}

TEST_F(FisherSelection, HasAStandInOfAsManyScalarsOfItsGroup) {
  const Selection stand_in = planning_stand_in_selection(parse_method("fisher:fraction=0.25"), catalogue);
  EXPECT_EQ(group_positions(stand_in, catalogue).size(), 20U);
}

TEST(Method, RefusesAnUnknownScope) {
  EXPECT_THAT(refusal("fisher:fraction=0.2,scope=unoin"), HasSubstr("did you mean 'union'?"));
}

TEST(Method, TakesAllForThePoolOfEveryParameter) {
  EXPECT_EQ(parse_method("fisher:pool=all,fraction=0.5").text(), "fisher:fraction=0.5,pool=full,scope=task");
}

TEST(Method, DescribesEveryMethodForHelp) {
  std::vector<std::string> spellings;
  for (const auto& [spelling, description] : describe_methods()) {
    EXPECT_FALSE(description.empty()) << spelling;
    spellings.push_back(spelling.substr(0, spelling.find(':')));
  }
  EXPECT_THAT(spellings,
              testing::UnorderedElementsAre("full", "head", "layernorm", "layernorm-weight", "layernorm-bias",
                                            "layernorm-output", "layernorm-attention", "bitfit", "fisher", "magnitude",
                                            "random", "adapter", "ia3", "lora"));
}

}  // namespace
}  // namespace tunescope
