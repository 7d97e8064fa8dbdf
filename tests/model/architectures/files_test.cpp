#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/architecture_goldens.hpp"
#include "support/catalogue_lookup.hpp"
#include "support/golden_batch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_file.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// What other tools make of the files.
class ArchitectureFiles : public ::testing::TestWithParam<const char*> {
 protected:
  PretrainedModel load_changed(const std::function<void(test::TinyFile&)>& change) const {
    test::TinyFile file = test::TinyFile::read(source());
    change(file);
    folder_.write("config.json", test::read_bytes(source() / "config.json"));
    folder_.write("model.safetensors", file.bytes());
    return load_pretrained(folder_.path());
  }
  void expect_the_same(const PretrainedModel& model) const {
    const PretrainedModel expected = load_pretrained(source());
    for (std::size_t i = 0; i < expected.backbone.size(); ++i) {
      EXPECT_TRUE(model.backbone[i].equal(expected.backbone[i])) << i;
    }
  }
  std::filesystem::path source() const { return test::golden(std::string("model/") + GetParam()); }

  test::TemporaryFolder folder_;
  std::string prefix{read_network(source() / "config.json").network->prefix()};
};

TEST_P(ArchitectureFiles, MayLeaveOutThePrefix) {
  expect_the_same(load_changed([&](test::TinyFile& file) {
    file.rename([&](const std::string& name) { return name.starts_with(prefix) ? name.substr(prefix.size()) : name; });
  }));
}

TEST_P(ArchitectureFiles, MayNameLayerNormsAsTensorFlowDoes) {
  expect_the_same(load_changed([&](test::TinyFile& file) {
    file.rename([&](const std::string& name) {
      const auto at = name.rfind("LayerNorm.");
      if (at == std::string::npos) return name;
      return name.substr(0, at) + (name.ends_with("weight") ? "LayerNorm.gamma" : "LayerNorm.beta");
    });
  }));
}

TEST_P(ArchitectureFiles, MayHaveTensorsThatClassificationDoesNotUse) {
  const std::map<std::string, std::vector<std::string>> unused = {
      {"roberta", {"lm_head.dense.weight", "roberta.pooler.dense.weight", "roberta.embeddings.position_ids"}},
      {"electra",
       {"discriminator_predictions.dense.weight", "generator_predictions.LayerNorm.weight", "generator_lm_head.weight",
        "electra.embeddings.position_ids"}},
      {"gpt2", {"lm_head.weight", "transformer.h.0.attn.bias", "h.1.attn.masked_bias"}},
      {"distilbert", {"vocab_transform.weight", "vocab_layer_norm.bias", "vocab_projector.weight", "qa_outputs.bias"}},
      {"deberta",
       {"deberta.embeddings.position_embeddings.weight", "lm_predictions.lm_head.dense.weight",
        "mask_predictions.dense.weight", "cls.predictions.bias"}},
  };
  for (const auto& [architecture, names] : unused) {
    if (!std::string_view(GetParam()).starts_with(architecture)) continue;
    const PretrainedModel model = load_changed([&](test::TinyFile& file) {
      const auto entry = file.header.at(load_pretrained(source()).network->catalogue(3)[0].name);
      for (const std::string& name : names) file.header[name] = entry;
    });
    expect_the_same(model);
    EXPECT_THAT(model.notes.notes, ElementsAre(HasSubstr("left out: ")));
    EXPECT_THAT(model.notes.warnings, IsEmpty());
  }
}

TEST_P(ArchitectureFiles, AreRefusedWithoutATensorOfTheBackbone) {
  const std::string name = load_pretrained(source()).network->catalogue(3)[0].name;
  EXPECT_THAT(message_of<ModelError>([&] { load_changed([&](test::TinyFile& file) { file.header.erase(name); }); }),
              HasSubstr("missing: " + name));
}

INSTANTIATE_TEST_SUITE_P(Golden, ArchitectureFiles, test::architecture_goldens(), test::name_of_golden);

class ConfigFiles : public ::testing::Test {
 protected:
  std::shared_ptr<const Network> read(const std::string& json) const {
    return read_network(folder_.write("config.json", json)).network;
  }
  std::string refusal(const std::string& json) const {
    return message_of<ModelError>([&] { read(json); });
  }

  test::TemporaryFolder folder_;
};

TEST_F(ConfigFiles, AreRefusedWithTheArchitecturesThatAreSupported) {
  EXPECT_THAT(refusal(R"({"model_type": "t5"})"),
              AllOf(HasSubstr("config.json"), HasSubstr("model_type = \"t5\""), HasSubstr("bert, roberta, electra"),
                    Not(HasSubstr("DeBERTa of the first version"))));
}

TEST_F(ConfigFiles, OfArchitecturesWithASimilarNameAreRefusedByName) {
  EXPECT_THAT(refusal(R"({"model_type": "deberta"})"), HasSubstr("this is DeBERTa of the first version"));
  EXPECT_THAT(refusal(R"({"model_type": "xlm-roberta"})"), HasSubstr("this is RoBERTa's network with a tokenizer"));
}

TEST_F(ConfigFiles, NameAKeyThatIsWrong) {
  EXPECT_THAT(refusal(R"({"model_type": "roberta", "pad_token_id": -1})"), HasSubstr("pad_token_id"));
  EXPECT_THAT(refusal(R"({"model_type": "electra", "embedding_size": 0})"), HasSubstr("embedding_size"));
  EXPECT_THAT(refusal(R"({"model_type": "distilbert", "dim": 10, "n_heads": 4})"),
              AllOf(HasSubstr("n_heads = 4"), HasSubstr("a divisor of dim 10")));
  EXPECT_THAT(refusal(R"({"model_type": "gpt2", "vocab_size": 7, "pad_token_id": 7})"), HasSubstr("pad_token_id = 7"));
  EXPECT_THAT(refusal(R"({"model_type": "gpt2", "scale_attn_weights": 1})"),
              AllOf(HasSubstr("scale_attn_weights = 1"), HasSubstr("true or false")));
  EXPECT_THAT(refusal(R"({"model_type": "gpt2", "add_cross_attention": true})"), HasSubstr("add_cross_attention"));
}

TEST_F(ConfigFiles, MayHaveAKeyUnderItsOtherName) {
  EXPECT_EQ(read(R"({"model_type": "distilbert", "hidden_size": 24})")->limits().hidden_size, 24);
  EXPECT_EQ(read(R"({"model_type": "distilbert", "hidden_size": 24, "dim": 24})")->limits().hidden_size, 24);
  EXPECT_EQ(read(R"({"model_type": "gpt2", "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2,
                     "max_position_embeddings": 5, "vocab_size": 7})")
                ->limits(),
            (NetworkLimits{3, 24, 96, 2, 7, 5, 0}));
  EXPECT_THAT(refusal(R"({"model_type": "distilbert", "hidden_size": 24, "dim": 12})"),
              AllOf(HasSubstr("hidden_size = 24"), HasSubstr("the number of dim, for which it is another name")));
}

TEST_F(ConfigFiles, HaveTheDefaultsOfTransformers) {
  struct Defaults {
    const char* model_type;
    NetworkLimits limits;
  };
  for (const auto& [model_type, expected] : {
           Defaults{"roberta", {12, 768, 3072, 12, 50265, 510, 2}},
           Defaults{"electra", {12, 256, 1024, 4, 30522, 512, 2}},
           Defaults{"distilbert", {6, 768, 3072, 12, 30522, 512, 0}},
           Defaults{"deberta-v2", {24, 1536, 6144, 24, 128100, 512, 0}},
           Defaults{"gpt2", {12, 768, 3072, 12, 50257, 1024, 0}},
       }) {
    EXPECT_EQ(read(R"({"model_type": ")" + std::string(model_type) + "\"}")->limits(), expected) << model_type;
  }
}

TEST(Roberta, HoldsFewerTokensThanItHasPositions) {
  EXPECT_EQ(read_network(test::golden("model/roberta/config.json")).network->limits().positions, 32);
}

TEST(Gpt2, HasTheFinalLayerNormInALayerOfItsOwn) {
  const test::ArchitectureGolden golden("gpt2");
  EXPECT_THAT(golden.catalogue.layer_labels(), ElementsAre("embeddings", "0", "1", "final", "head"));
  EXPECT_EQ(golden.catalogue.encoder_layers(), 2U);
}

TEST(Gpt2, KeepsItsWeightsAsFilesHaveThem) {
  const test::ArchitectureGolden golden("gpt2");
  const ParameterIndex weight = test::index_of(golden.catalogue, "transformer.h.0.attn.c_attn.weight");
  EXPECT_THAT(golden.catalogue[weight].shape, ElementsAre(16, 48));
  EXPECT_THAT(golden.parameters[weight].sizes(), ElementsAre(16, 48));
}

TEST(Gpt2, ReadsTheLastTokenWithoutPadding) {
  PackedBatch batch;
  batch.token_ids = {5, 0, 0, 0, 0, 7, 0, 8};
  batch.sequence_offsets = {0, 3, 5, 8};
  batch.examples = {0, 1, 2};
  const auto rows = [&](const char* folder) {
    return read_network(test::golden(std::string("model/") + folder + "/config.json")).network->pooled_rows(batch);
  };
  EXPECT_THAT(rows("gpt2"), ElementsAre(0, 3, 7));           // its padding token is 0
  EXPECT_THAT(rows("gpt2-switches"), ElementsAre(2, 4, 7));  // it has none
}

// The tables would be read at types that a model does not have.
TEST(Distilbert, ReadsNoTokenTypes) {
  const test::ArchitectureGolden golden("distilbert");
  PackedBatch examples = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  const at::Tensor logits = evaluate_logits(*golden.model.network, {golden.parameters, examples});
  for (std::int64_t& type : examples.type_ids) type = 7;
  EXPECT_TRUE(evaluate_logits(*golden.model.network, {golden.parameters, examples}).equal(logits));
}

}  // namespace
}  // namespace tunescope
