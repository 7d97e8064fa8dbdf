#include "tunescope/model/bert/bert_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "model/config/config_keys.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BertConfigReader : public ::testing::Test {
 protected:
  BertConfig read(const std::string& json) const { return read_file(json).config; }
  BertConfigFile read_file(const std::string& json) const {
    return read_bert_config(folder_.write("config.json", json));
  }
  std::string refusal(const std::string& json) const {
    return message_of<ModelError>([&] { read(json); });
  }

  test::TemporaryFolder folder_;
};

TEST_F(BertConfigReader, RefusesAListOfAnyDepth) {
  const std::string nested = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_THAT(refusal(R"({"model_type": "bert", "hidden_size": )" + nested + "}"),
              AllOf(HasSubstr("hidden_size"), HasSubstr("array")));
}

// The defaults of transformers' BertConfig.
TEST_F(BertConfigReader, FillsInTheDefaultsOfTransformers) {
  const BertConfig config = read(R"({"model_type": "bert"})");
  EXPECT_EQ(config.vocab_size, 30522);
  EXPECT_EQ(config.hidden_size, 768);
  EXPECT_EQ(config.num_hidden_layers, 12);
  EXPECT_EQ(config.num_attention_heads, 12);
  EXPECT_EQ(config.intermediate_size, 3072);
  EXPECT_EQ(config.max_position_embeddings, 512);
  EXPECT_EQ(config.type_vocab_size, 2);
  EXPECT_EQ(config.hidden_act, Activation::kGelu);
  EXPECT_EQ(config.layer_norm_eps, 1e-12);
  EXPECT_EQ(config.dropout, DropoutProbabilities::uniform(0.1));
  EXPECT_EQ(config.initializer_range, 0.02);
  EXPECT_EQ(config.head_size(), 64);
}

TEST_F(BertConfigReader, ReadsEveryKey) {
  const BertConfig config = read(R"({"model_type": "bert", "vocab_size": 7, "hidden_size": 12, "num_hidden_layers": 3,
      "num_attention_heads": 4, "intermediate_size": 20, "max_position_embeddings": 9, "type_vocab_size": 1,
      "hidden_act": "relu", "layer_norm_eps": 1e-5, "hidden_dropout_prob": 0.25,
      "attention_probs_dropout_prob": 0.5, "classifier_dropout": 0.0, "initializer_range": 0.125})");
  EXPECT_EQ(config.vocab_size, 7);
  EXPECT_EQ(config.hidden_size, 12);
  EXPECT_EQ(config.num_hidden_layers, 3);
  EXPECT_EQ(config.num_attention_heads, 4);
  EXPECT_EQ(config.intermediate_size, 20);
  EXPECT_EQ(config.max_position_embeddings, 9);
  EXPECT_EQ(config.type_vocab_size, 1);
  EXPECT_EQ(config.hidden_act, Activation::kRelu);
  EXPECT_EQ(config.layer_norm_eps, 1e-5);
  EXPECT_EQ(config.dropout, (DropoutProbabilities{0.25, 0.5, 0.25, 0.25, 0.0}));
  EXPECT_EQ(config.initializer_range, 0.125);
  EXPECT_EQ(config.head_size(), 3);
}

TEST_F(BertConfigReader, TakesHiddenDropoutForTheClassifierIfItHasNone) {
  EXPECT_EQ(read(R"({"model_type": "bert", "hidden_dropout_prob": 0.3})").dropout.pooled, 0.3);
  EXPECT_EQ(read(R"({"model_type": "bert", "hidden_dropout_prob": 0.3, "classifier_dropout": null})").dropout.pooled,
            0.3);
}

TEST_F(BertConfigReader, KnowsTheNamesOfItsActivations) {
  const std::pair<const char*, Activation> known[] = {{"gelu", Activation::kGelu},
                                                      {"gelu_python", Activation::kGelu},
                                                      {"gelu_new", Activation::kGeluTanh},
                                                      {"gelu_fast", Activation::kGeluTanh},
                                                      {"gelu_accurate", Activation::kGeluTanh},
                                                      {"gelu_python_tanh", Activation::kGeluTanh},
                                                      {"gelu_pytorch_tanh", Activation::kGeluTanh},
                                                      {"relu", Activation::kRelu},
                                                      {"silu", Activation::kSilu},
                                                      {"swish", Activation::kSilu},
                                                      {"tanh", Activation::kTanh}};
  for (const auto& [name, activation] : known) {
    EXPECT_EQ(read(R"({"model_type": "bert", "hidden_act": ")" + std::string(name) + "\"}").hidden_act, activation)
        << name;
  }
}

TEST_F(BertConfigReader, TakesAMissingModelTypeForBertUnlessSomethingSpeaksAgainstIt) {
  for (const char* json : {"{}", R"({"model_type": null, "architectures": ["BertForMaskedLM"]})",
                           R"({"architectures": ["BertModel"], "pad_token_id": 3})", R"({"pad_token_id": 0})"}) {
    EXPECT_THAT(read_file(json).notes.notes, ElementsAre(HasSubstr("model_type"))) << json;
  }
  for (const char* json : {R"({"architectures": ["RobertaModel"]})", R"({"architectures": ["BertGenerationEncoder"]})",
                           R"({"architectures": [7]})", R"({"pad_token_id": 1})"}) {
    EXPECT_THAT(refusal(json), AllOf(HasSubstr("model_type"), HasSubstr("bert"))) << json;
  }
}

TEST_F(BertConfigReader, RefusesKeysThatWouldChangeNumbers) {
  for (const char* key :
       {R"("is_decoder": true)", R"("add_cross_attention": true)", R"("pruned_heads": {"0": [1]})",
        R"("quantization_config": {"bits": 8})", R"("per_layer_config": {"0": {"hidden_act": "relu"}})"}) {
    const std::string text = key;
    EXPECT_THAT(refusal(R"({"model_type": "bert", )" + text + "}"), HasSubstr(text.substr(1, text.find('"', 1) - 1)))
        << key;
  }
}

TEST_F(BertConfigReader, TakesTheEmptyFormsOfSuchKeys) {
  const BertConfigFile file = read_file(R"({"model_type": "bert", "is_decoder": false, "add_cross_attention": false,
      "pruned_heads": {}, "quantization_config": null, "position_embedding_type": "absolute", "torch_dtype": "float16",
      "chunk_size_feed_forward": 4, "tie_word_embeddings": false, "problem_type": "regression"})");
  EXPECT_THAT(file.notes.notes, IsEmpty());
  EXPECT_THAT(file.notes.warnings, IsEmpty());
}

TEST_F(BertConfigReader, WarnsOfCodeOfItsOwn) {
  EXPECT_THAT(read_file(R"({"model_type": "bert", "auto_map": {"AutoModel": "own.Model"}})").notes.warnings,
              ElementsAre(HasSubstr("auto_map")));
}

TEST_F(BertConfigReader, NotesKeysThatItDoesNotKnow) {
  EXPECT_THAT(read_file(R"({"model_type": "bert", "alibi_slopes": 1, "window": 2})").notes.notes,
              ElementsAre(AllOf(HasSubstr("alibi_slopes"), HasSubstr("window"))));
}

// The keys are those that transformers writes, by `model_type`.
TEST(ConfigKeys, AreThoseOfTransformersAndStandInTheUsersDocument) {
  const auto golden = nlohmann::json::parse(test::read_bytes(test::golden("model/config_keys.json")));
  const std::string document =
      test::read_bytes(std::filesystem::path(TUNESCOPE_SOURCE_DIR) / "docs" / "model-folders.md");
  for (const auto& [model_type, keys] : golden.at("keys").items()) {
    std::vector<std::string> known;
    for (const std::span<const ConfigKey> table : config_keys(model_type)) {
      for (const ConfigKey& key : table) known.emplace_back(key.name);
    }
    for (const std::string& key : known) EXPECT_THAT(document, HasSubstr("`" + key + "`")) << model_type;
    for (const nlohmann::json& key : keys) EXPECT_THAT(known, Contains(key.get<std::string>())) << model_type;
  }
}

TEST_F(BertConfigReader, RefusesAnUnknownActivation) {
  EXPECT_THAT(refusal(R"({"model_type": "bert", "hidden_act": "mish"})"),
              AllOf(HasSubstr("config.json"), HasSubstr("hidden_act"), HasSubstr("mish"), HasSubstr("gelu_new")));
}

TEST_F(BertConfigReader, RefusesHeadsThatDoNotDivideTheHiddenSize) {
  EXPECT_THAT(refusal(R"({"model_type": "bert", "hidden_size": 10, "num_attention_heads": 4})"),
              AllOf(HasSubstr("config.json"), HasSubstr("num_attention_heads"), HasSubstr("4"), HasSubstr("10")));
}

TEST_F(BertConfigReader, RefusesRelativePositions) {
  EXPECT_THAT(refusal(R"({"model_type": "bert", "position_embedding_type": "relative_key"})"),
              AllOf(HasSubstr("position_embedding_type"), HasSubstr("relative_key")));
}

TEST_F(BertConfigReader, RefusesSizesThatAreNoPositiveWholeNumbers) {
  for (const char* size : {"0", "-3", "1.5", "\"8\"", "null", "true"}) {
    EXPECT_THAT(refusal(R"({"model_type": "bert", "num_hidden_layers": )" + std::string(size) + "}"),
                AllOf(HasSubstr("num_hidden_layers"), HasSubstr(size)))
        << size;
  }
}

TEST_F(BertConfigReader, RefusesProbabilitiesOutsideTheirRange) {
  EXPECT_THAT(refusal(R"({"model_type": "bert", "hidden_dropout_prob": 1.5})"),
              AllOf(HasSubstr("hidden_dropout_prob"), HasSubstr("1.5")));
  EXPECT_THAT(refusal(R"({"model_type": "bert", "attention_probs_dropout_prob": -0.1})"),
              HasSubstr("attention_probs_dropout_prob"));
}

TEST_F(BertConfigReader, RefusesAFileThatIsNoJsonObject) {
  EXPECT_THAT(refusal("{"), HasSubstr("config.json"));
  EXPECT_THAT(refusal("[]"), HasSubstr("config.json"));
  EXPECT_THAT(refusal(""), HasSubstr("config.json"));
}

TEST_F(BertConfigReader, RefusesAMissingFile) {
  EXPECT_THAT(message_of<ModelError>([&] { read_bert_config(folder_.path() / "absent.json"); }),
              HasSubstr("absent.json"));
}

TEST(BertConfig, RefusesMoreLayersThanAnyModelHas) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("config.json", R"({"model_type": "bert", "num_hidden_layers": 2000000000})");
  const std::string message = test::message_of<ModelError>([&] { read_bert_config(path); });
  EXPECT_NE(message.find("num_hidden_layers"), std::string::npos) << message;
}

}  // namespace
}  // namespace tunescope
