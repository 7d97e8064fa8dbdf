#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "support/architecture_goldens.hpp"
#include "support/catalogue_lookup.hpp"
#include "support/collected_gradients.hpp"
#include "support/golden_batch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_file.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

double distance_to_golden(const at::Tensor& actual, const at::Tensor& golden) {
  return actual.to(at::kCPU, at::kDouble).sub(golden).abs().max().item<double>();
}

class Architectures : public ::testing::TestWithParam<const char*> {
 protected:
  // Relative to the length of the gradient; of one that is zero in theory, to 0.1.
  void expect_transformers_numbers(double logits_tolerance, double gradients_tolerance) {
    const Safetensors& expected = golden.expected;
    test::CollectedGradients sink(golden.parameters);
    const PackedBatch examples = test::golden_batch(expected, expected.tensor("labels"));
    Pass pass(*golden.model.network, ModelInput{golden.parameters, examples}, {.sink = &sink});
    EXPECT_LT(distance_to_golden(pass.logits().front(), expected.tensor("logits")), logits_tolerance);
    const Loss loss = batch_loss(pass.logits().front(), examples.labels);
    EXPECT_NEAR(loss.value(), expected.tensor("loss").item<double>(), logits_tolerance);
    pass.backward(loss.logits_gradient);
    for (ParameterIndex i = 0; i < golden.catalogue.size(); ++i) {
      const ParameterInfo& parameter = golden.catalogue[i];
      const at::Tensor gradient = expected.tensor("grad." + parameter.name);
      ASSERT_EQ(sink.gradients[i].sizes(), gradient.sizes()) << parameter.name;
      const double difference = sink.gradients[i].cpu().sub(gradient).norm().item<double>();
      const double size = test::is_zero_in_theory(parameter) ? 0.1 : gradient.norm().item<double>();
      EXPECT_LT(difference, gradients_tolerance * size) << parameter.name;
    }
  }

  test::ArchitectureGolden golden{GetParam()};
};

TEST_P(Architectures, ClassifyAndDifferentiateAsTransformers) { expect_transformers_numbers(1e-5, 1e-4); }

// To the rounding of the golden numbers.
TEST_P(Architectures, ClassifyAndDifferentiateAsTransformersInFloat64) {
  golden.compute_in_float64();
  expect_transformers_numbers(1e-6, 1e-6);
}

TEST_P(Architectures, ReadTextsWithThePaddingTokenAsTransformers) {
  PackedBatch examples = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  examples.token_ids = test::whole_numbers(golden.expected.tensor("padded.input_ids"));
  const at::Tensor logits = evaluate_logits(*golden.model.network, golden.parameters, examples);
  EXPECT_LT(distance_to_golden(logits, golden.expected.tensor("padded.logits")), 1e-5);
}

TEST_P(Architectures, GiveASequenceTheSameLogitsInAnyBatch) {
  const PackedBatch together = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  const at::Tensor logits = evaluate_logits(*golden.model.network, golden.parameters, together);
  for (std::int64_t b = 0; b < together.sequence_count(); ++b) {
    const auto first = static_cast<std::ptrdiff_t>(together.sequence_offsets[static_cast<std::size_t>(b)]);
    const auto end = static_cast<std::ptrdiff_t>(together.sequence_offsets[static_cast<std::size_t>(b) + 1]);
    PackedBatch alone;
    alone.token_ids.assign(together.token_ids.begin() + first, together.token_ids.begin() + end);
    alone.type_ids.assign(together.type_ids.begin() + first, together.type_ids.begin() + end);
    alone.sequence_offsets = {0, end - first};
    alone.examples = {b};
    EXPECT_LT(distance_to_golden(evaluate_logits(*golden.model.network, golden.parameters, alone)[0], logits[b].cpu()),
              1e-5)
        << b;
  }
}

TEST_P(Architectures, LetAllTokensLeaveTheLastLayerWithTheSameNumbers) {
  golden.compute_in_float64();
  const PackedBatch examples = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  std::vector<std::vector<at::Tensor>> gradients;
  for (const LastLayer last_layer : {LastLayer::kPooledTokens, LastLayer::kAllTokens}) {
    test::CollectedGradients sink(golden.parameters);
    Pass pass(*golden.model.network, ModelInput{golden.parameters, examples},
              {.sink = &sink, .last_layer = last_layer});
    pass.backward(batch_loss(pass.logits().front(), examples.labels).logits_gradient);
    gradients.push_back(sink.gradients);
  }
  for (ParameterIndex i = 0; i < golden.catalogue.size(); ++i) {
    EXPECT_TRUE(gradients[0][i].allclose(gradients[1][i], 1e-9, 1e-12)) << golden.catalogue[i].name;
  }
}

// A part of the network for which no gradient is needed is not recorded.
TEST_P(Architectures, GiveTheHeadAloneTheGradientsThatItHasBesidesAllOthers) {
  class HeadAlone : public test::CollectedGradients {
   public:
    HeadAlone(const Parameters& parameters, const ParameterCatalogue& catalogue)
        : CollectedGradients(parameters), catalogue_(catalogue) {}
    bool needs_gradient(std::size_t, ParameterIndex i) const override { return catalogue_[i].is_head(); }

   private:
    const ParameterCatalogue& catalogue_;
  };
  const PackedBatch examples = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  test::CollectedGradients all(golden.parameters);
  HeadAlone head(golden.parameters, golden.catalogue);
  for (test::CollectedGradients* sink : {&all, static_cast<test::CollectedGradients*>(&head)}) {
    Pass pass(*golden.model.network, ModelInput{golden.parameters, examples}, {.sink = sink});
    pass.backward(batch_loss(pass.logits().front(), examples.labels).logits_gradient);
  }
  for (ParameterIndex i = golden.catalogue.backbone_count(); i < golden.catalogue.size(); ++i) {
    EXPECT_TRUE(head.gradients[i].equal(all.gradients[i])) << golden.catalogue[i].name;
  }
}

TEST_P(Architectures, DrawEachMatrixOfTheHeadFromNumbersOfItsOwn) {
  const Parameters drawn = with_new_head(golden.model, golden.catalogue, 3);
  std::vector<at::Tensor> matrices;
  for (ParameterIndex i = golden.catalogue.backbone_count(); i < golden.catalogue.size(); ++i) {
    EXPECT_EQ(drawn[i].sizes().vec(), golden.catalogue[i].shape);
    if (golden.catalogue[i].is_bias) {
      EXPECT_EQ(drawn[i].abs().sum().item<double>(), 0.0);
    } else {
      matrices.push_back(drawn[i].view(-1).narrow(0, 0, 3));
    }
  }
  if (matrices.size() == 2) {
    EXPECT_FALSE(matrices[0].equal(matrices[1]));
  }
}

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

INSTANTIATE_TEST_SUITE_P(Golden, Architectures, test::architecture_goldens(), test::name_of_golden);
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
}

TEST_F(ConfigFiles, MayHaveAKeyUnderItsOtherName) {
  EXPECT_EQ(read(R"({"model_type": "distilbert", "hidden_size": 24})")->limits().hidden_size, 24);
  EXPECT_EQ(read(R"({"model_type": "distilbert", "hidden_size": 24, "dim": 24})")->limits().hidden_size, 24);
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
       }) {
    EXPECT_EQ(read(R"({"model_type": ")" + std::string(model_type) + "\"}")->limits(), expected) << model_type;
  }
}

TEST_F(ConfigFiles, SayWhetherTheNetworkHasDropout) {
  EXPECT_TRUE(read(R"({"model_type": "distilbert", "dropout": 0, "attention_dropout": 0})")->has_dropout());
  EXPECT_FALSE(read(R"({"model_type": "distilbert", "dropout": 0, "attention_dropout": 0, "seq_classif_dropout": 0})")
                   ->has_dropout());
}

TEST(Roberta, HoldsFewerTokensThanItHasPositions) {
  EXPECT_EQ(read_network(test::golden("model/roberta/config.json")).network->limits().positions, 32);
}

// The tables would be read at types that a model does not have.
TEST(Distilbert, ReadsNoTokenTypes) {
  const test::ArchitectureGolden golden("distilbert");
  PackedBatch examples = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  const at::Tensor logits = evaluate_logits(*golden.model.network, golden.parameters, examples);
  for (std::int64_t& type : examples.type_ids) type = 7;
  EXPECT_TRUE(evaluate_logits(*golden.model.network, golden.parameters, examples).equal(logits));
}

}  // namespace
}  // namespace tunescope
