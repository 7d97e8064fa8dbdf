#include "model/deberta/deberta.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/catalogue_lookup.hpp"
#include "support/collected_gradients.hpp"
#include "support/deberta_variant.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/kernels/forced_kernels.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/model/pretrained.hpp"
#include "tunescope/model/tensor_role.hpp"

namespace tunescope {
namespace {

using nlohmann::json;
using test::deberta_json;
using test::DebertaVariant;
using test::read_changed;
using ::testing::HasSubstr;

struct DebertaTolerance {
  at::ScalarType type;
  double logits, gradients;
};

void expect_golden(const DebertaVariant& variant, const DebertaTolerance& tolerance) {
  const Parameters parameters = variant.parameters(tolerance.type);
  test::CollectedGradients sink(parameters);
  Pass pass(*variant.network, ModelInput{parameters, variant.batch}, {.sink = &sink});
  const at::Tensor logits = variant.file.tensor(variant.prefix + "logits");
  EXPECT_LT(pass.logits().front().sub(logits).abs().max().item<double>(), tolerance.logits);
  const Loss loss = batch_loss(pass.logits().front(), variant.batch.labels);
  EXPECT_NEAR(loss.value(), variant.file.tensor(variant.prefix + "loss").item<double>(), tolerance.logits);
  pass.backward(loss.logits_gradient);
  for (ParameterIndex i = 0; i < variant.catalogue.size(); ++i) {
    const std::string& name = variant.catalogue[i].name;
    const double size = sink.gradients[i].norm().item<double>();
    if (!variant.file.has(variant.prefix + "grad." + name)) {
      EXPECT_EQ(size, 0.0) << name << " is not used";
      continue;
    }
    const at::Tensor golden = variant.file.tensor(variant.prefix + "grad." + name).to(at::kDouble);
    const double difference = sink.gradients[i].to(at::kDouble).sub(golden).norm().item<double>();
    EXPECT_LT(difference, tolerance.gradients * std::max(golden.norm().item<double>(), 1e-3)) << name;
  }
}

class DebertaVariants : public ::testing::TestWithParam<std::string> {};

TEST_P(DebertaVariants, ClassifyAndDifferentiateAsTransformers) {
  const DebertaVariant variant(GetParam());
  expect_golden(variant, {at::kFloat, 1e-5, 1e-4});
  expect_golden(variant, {at::kDouble, 1e-9, 1e-6});  // gradients are stored in float32
}

TEST_P(DebertaVariants, AreThoseOfTheReferenceKernelsToo) {
  const ForcedKernels reference(KernelBackend::kReference);
  expect_golden(DebertaVariant(GetParam()), {at::kDouble, 1e-9, 1e-6});
}

// Of the keys' bias too, unless distances have queries.
TEST_P(DebertaVariants, SayWhichBiasesHaveNoGradient) {
  const DebertaVariant variant(GetParam());
  const Parameters parameters = variant.parameters(at::kDouble);
  test::CollectedGradients sink(parameters);
  Pass pass(*variant.network, ModelInput{parameters, variant.batch}, {.sink = &sink});
  pass.backward(batch_loss(pass.logits().front(), variant.batch.labels).logits_gradient);
  for (ParameterIndex i = 0; i < variant.catalogue.size(); ++i) {
    const ParameterInfo& info = variant.catalogue[i];
    if (info.block != Block::kAttention || !info.is_bias) continue;
    const double size = sink.gradients[i].norm().item<double>();
    EXPECT_EQ(size < 1e-12, info.has_no_gradient) << info.name << ": " << size;
    EXPECT_EQ(role_of(info).ends_with(".bias.no_gradient"), info.has_no_gradient) << info.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Switches, DebertaVariants, ::testing::ValuesIn(test::deberta_variants()),
                         [](const auto& info) { return info.param; });

TEST(DebertaDistances, HaveTheRowsOfTransformers) {
  for (const json& golden : deberta_json("distances.json")) {
    DebertaConfig config;
    config.buckets = std::max(golden["buckets"].get<std::int64_t>(), std::int64_t{0});
    config.most_distance = golden["most_distance"].get<std::int64_t>();
    EXPECT_EQ(distance_ids(config, 2 * config.most_distance + 1), golden["rows"].get<std::vector<std::int64_t>>())
        << golden["buckets"];
  }
}

// The masks of distances are those of their rows, however many rows a batch has.
TEST(DebertaDropout, OfAnExampleDoesNotDependOnTheRestOfTheBatch) {
  const DebertaVariant variant("own_projections");
  const Parameters parameters = variant.parameters(at::kDouble);
  const std::vector<std::int64_t>& offsets = variant.batch.sequence_offsets;
  PackedBatch alone = variant.batch;  // its first example
  alone.token_ids.resize(static_cast<std::size_t>(offsets[1]));
  alone.type_ids.resize(alone.token_ids.size());
  alone.sequence_offsets.resize(2);
  alone.examples.resize(1);
  const auto logits_of = [&](const PackedBatch& batch, std::uint64_t key) {
    return Pass(*variant.network, ModelInput{parameters, batch, key}, {.dropout = 0.3}).logits().front()[0];
  };
  const at::Tensor together = logits_of(variant.batch, 7);
  EXPECT_LT(logits_of(alone, 7).sub(together).abs().max().item<double>(), 1e-12);
  EXPECT_GT(logits_of(alone, 8).sub(together).abs().max().item<double>(), 1e-3);
}

// Of the head both layers are new, and in no checkpoint.
TEST(Deberta, DrawsItsPoolerForEveryTrial) {
  const PretrainedModel model = load_pretrained(test::golden("model/deberta"));
  EXPECT_TRUE(model.has_pooler);
  const ParameterCatalogue catalogue = model.network->catalogue(3);
  const ParameterIndex pooler = test::index_of(catalogue, "pooler.dense.weight");
  EXPECT_TRUE(catalogue[pooler].is_head());
  EXPECT_FALSE(with_new_head(model, catalogue, 3)[pooler].equal(with_new_head(model, catalogue, 4)[pooler]));
}

TEST(Deberta, PutsDistancesIntoALayerOfTheirOwn) {
  const ParameterCatalogue catalogue = DebertaVariant("v3").catalogue;
  EXPECT_THAT(catalogue.layer_labels(), ::testing::ElementsAre("embeddings", "relative", "0", "1", "head"));
  EXPECT_EQ(catalogue[test::index_of(catalogue, "deberta.encoder.rel_embeddings.weight")].layer, 1U);
}

std::string message_of_key(const char* key, const json& value) {
  return test::message_of<ModelError>([&] { read_changed({{key, value}}); });
}

TEST(DebertaConfigReader, NamesWhatItRefuses) {
  EXPECT_THAT(message_of_key("pos_att_type", "c2p|c2c"), HasSubstr("c2p, p2c or both"));
  EXPECT_THAT(message_of_key("attention_head_size", 8), HasSubstr("attention_head_size"));
  EXPECT_THAT(message_of_key("pooler_hidden_size", 12), HasSubstr("pooler_hidden_size"));
  EXPECT_THAT(message_of_key("position_buckets", 48), HasSubstr("position_buckets"));
  EXPECT_THAT(message_of_key("relative_attention", 1), HasSubstr("true or false"));
}

TEST(DebertaConfigReader, TakesNoDistancesForGrantedAsTransformers) {
  EXPECT_FALSE(read_changed({{"relative_attention", false}})->distance_lookup(10));
}

}  // namespace
}  // namespace tunescope
