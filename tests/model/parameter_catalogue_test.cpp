#include "tunescope/model/parameter_catalogue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "support/catalogue_lookup.hpp"
#include "support/small_config.hpp"

namespace tunescope {
namespace {

using ::testing::ElementsAre;

const ParameterInfo& find(const ParameterCatalogue& catalogue, const std::string& name) {
  return catalogue[test::index_of(catalogue, name)];
}

TEST(ParameterCatalogue, LabelsItsLayersFromEmbeddingsToHead) {
  EXPECT_THAT(test::small_catalogue(2).layer_labels(), ElementsAre("embeddings", "0", "1", "pooler", "head"));
}

TEST(ParameterCatalogue, NamesEveryComponentOnceInModelOrder) {
  EXPECT_THAT(
      test::small_catalogue(2).component_labels(),
      ElementsAre("word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight",
                  "LayerNorm.weight", "LayerNorm.bias", "attention.self.query.weight", "attention.self.query.bias",
                  "attention.self.key.weight", "attention.self.key.bias", "attention.self.value.weight",
                  "attention.self.value.bias", "attention.output.dense.weight", "attention.output.dense.bias",
                  "attention.output.LayerNorm.weight", "attention.output.LayerNorm.bias", "intermediate.dense.weight",
                  "intermediate.dense.bias", "output.dense.weight", "output.dense.bias", "output.LayerNorm.weight",
                  "output.LayerNorm.bias", "dense.weight", "dense.bias", "classifier.weight", "classifier.bias"));
}

TEST(ParameterCatalogue, UsesTheNamesOfHuggingFace) {
  const ParameterCatalogue catalogue = test::small_catalogue(3);
  // 5 tensors of embeddings, 16 a layer, 2 of the pooler, 2 of the head.
  EXPECT_EQ(catalogue.size(), 5U + 2U * 16U + 2U + 2U);
  EXPECT_EQ(catalogue[0].name, "bert.embeddings.word_embeddings.weight");
  EXPECT_NO_THROW(find(catalogue, "bert.embeddings.LayerNorm.bias"));
  EXPECT_NO_THROW(find(catalogue, "bert.encoder.layer.1.attention.self.query.weight"));
  EXPECT_NO_THROW(find(catalogue, "bert.encoder.layer.0.attention.output.LayerNorm.weight"));
  EXPECT_NO_THROW(find(catalogue, "bert.encoder.layer.0.output.LayerNorm.bias"));
  EXPECT_NO_THROW(find(catalogue, "bert.pooler.dense.weight"));
  EXPECT_NO_THROW(find(catalogue, "classifier.weight"));
}

TEST(ParameterCatalogue, KnowsTheShapeOfEveryKindOfTensor) {
  const ParameterCatalogue catalogue = test::small_catalogue(3);
  EXPECT_THAT(find(catalogue, "bert.embeddings.word_embeddings.weight").shape, ElementsAre(11, 4));
  EXPECT_THAT(find(catalogue, "bert.embeddings.position_embeddings.weight").shape, ElementsAre(5, 4));
  EXPECT_THAT(find(catalogue, "bert.encoder.layer.0.intermediate.dense.weight").shape, ElementsAre(6, 4));
  EXPECT_THAT(find(catalogue, "bert.encoder.layer.0.output.dense.weight").shape, ElementsAre(4, 6));
  EXPECT_THAT(find(catalogue, "bert.encoder.layer.0.output.LayerNorm.weight").shape, ElementsAre(4));
  EXPECT_THAT(find(catalogue, "classifier.weight").shape, ElementsAre(3, 4));
  EXPECT_THAT(find(catalogue, "classifier.bias").shape, ElementsAre(3));
}

TEST(ParameterCatalogue, PlacesEveryTensorInItsLayerAndComponent) {
  const ParameterCatalogue catalogue = test::small_catalogue(2);
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    EXPECT_EQ(catalogue.component_labels()[catalogue.component_index(i)], catalogue[i].component);
    EXPECT_TRUE(catalogue[i].name.ends_with(catalogue[i].component)) << catalogue[i].name;
  }
  const ParameterInfo& info = find(catalogue, "bert.encoder.layer.1.output.LayerNorm.weight");
  EXPECT_EQ(catalogue.layer_labels()[info.layer], "1");
  EXPECT_EQ(info.component, "output.LayerNorm.weight");
  EXPECT_EQ(info.block, Block::kFeedForward);
  EXPECT_TRUE(info.is_layer_norm());
  EXPECT_FALSE(info.is_bias);
  EXPECT_TRUE(find(catalogue, "classifier.bias").is_head());
  EXPECT_FALSE(find(catalogue, "bert.pooler.dense.bias").is_head());
}

TEST(ParameterCatalogue, NumbersTensorsInForwardOrder) {
  const ParameterCatalogue catalogue = test::small_catalogue(2);
  const std::array names = {"bert.embeddings.LayerNorm.bias",
                            "bert.encoder.layer.0.attention.self.query.weight",
                            "bert.encoder.layer.0.attention.self.value.bias",
                            "bert.encoder.layer.0.attention.output.dense.weight",
                            "bert.encoder.layer.0.attention.output.LayerNorm.weight",
                            "bert.encoder.layer.0.intermediate.dense.weight",
                            "bert.encoder.layer.0.output.dense.bias",
                            "bert.encoder.layer.0.output.LayerNorm.weight",
                            "bert.encoder.layer.1.attention.self.query.weight",
                            "bert.encoder.layer.1.output.LayerNorm.bias",
                            "bert.pooler.dense.weight",
                            "classifier.weight"};
  for (std::size_t i = 1; i < names.size(); ++i) {
    EXPECT_LT(test::index_of(catalogue, names[i - 1]), test::index_of(catalogue, names[i])) << names[i];
  }
}

TEST(ParameterCatalogue, CountsTheScalarsOfBackboneAndHead) {
  const ParameterCatalogue catalogue = test::small_catalogue(3);
  // Embeddings (11 + 5 + 2) * 4 + 8 = 80; a layer 4 * (16 + 4) + 8 + (24 + 6) + (24 + 4) + 8 = 154; pooler 20.
  EXPECT_EQ(catalogue.backbone_size(), 80 + 2 * 154 + 20);
  EXPECT_EQ(catalogue.total_size(), 80 + 2 * 154 + 20 + 3 * 4 + 3);
}

}  // namespace
}  // namespace tunescope
