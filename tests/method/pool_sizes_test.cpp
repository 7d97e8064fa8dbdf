#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "model/catalogue_builder.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/network.hpp"

namespace tunescope {
namespace {

// The scalars of published models without their head, as transformers' models on the meta device have them.
struct PublishedModel {
  std::string_view name;
  std::string_view config;  // the keys that differ from transformers' defaults
  std::int64_t backbone;
  std::int64_t layer_norms;
  std::int64_t of_each_kind;  // after attention, and as many after feed-forward
  std::int64_t biases;
  std::int64_t lora;  // of rank 8 on queries and values
  std::int64_t ia3;
  std::int64_t adapter;  // of size 64, behind attention and feed-forward
};

constexpr std::string_view kLarge =
    R"("hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096)";
constexpr std::string_view kRobertas =
    R"("model_type": "roberta", "max_position_embeddings": 514, "type_vocab_size": 1)";

std::string with_sizes(std::string_view keys, std::string_view sizes) {
  return "{" + std::string(keys) + (sizes.empty() ? "" : ", ") + std::string(sizes) + "}";
}

class PoolSizes : public ::testing::TestWithParam<PublishedModel> {};

TEST_P(PoolSizes, AreThoseOfTransformers) {
  const test::TemporaryFolder folder;
  const auto network = read_network(folder.write("config.json", std::string(GetParam().config))).network;
  const ParameterCatalogue catalogue = network->catalogue(2);
  const std::int64_t head = catalogue.total_size() - catalogue.backbone_size();
  const auto count = [&](const char* method) { return trainable_count(parse_method(method), catalogue) - head; };
  EXPECT_EQ(count("full"), GetParam().backbone);
  EXPECT_EQ(count("layernorm"), GetParam().layer_norms);
  EXPECT_EQ(count("layernorm-weight"), GetParam().layer_norms / 2);
  EXPECT_EQ(count("layernorm-bias"), GetParam().layer_norms / 2);
  EXPECT_EQ(count("layernorm-attention"), GetParam().of_each_kind);
  EXPECT_EQ(count("layernorm-output"), GetParam().of_each_kind);
  EXPECT_EQ(count("bitfit"), GetParam().biases);
  EXPECT_EQ(count("lora"), GetParam().lora);
  EXPECT_EQ(count("ia3"), GetParam().ia3);
  EXPECT_EQ(count("adapter:size=64"), GetParam().adapter);
  EXPECT_EQ(count("adapter:placement=pfeiffer,size=64"), GetParam().adapter / 2);
  EXPECT_EQ(count("bitfit+lora:rank=16"), GetParam().biases + 2 * GetParam().lora);
}

const std::string kBertLarge = with_sizes(R"("model_type": "bert", "vocab_size": 28996)", kLarge);
const std::string kRobertaBase = with_sizes(kRobertas, "");
constexpr std::string_view kElectras = R"("model_type": "electra")";
const std::string kElectraSmall = with_sizes(kElectras, "");
const std::string kElectraBase = with_sizes(
    kElectras, R"("embedding_size": 768, "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072)");
const std::string kElectraLarge = with_sizes(R"("model_type": "electra", "embedding_size": 1024)", kLarge);
constexpr std::string_view kGpt2s = R"("model_type": "gpt2")";
const std::string kGpt2 = with_sizes(kGpt2s, "");
const std::string kGpt2Medium = with_sizes(kGpt2s, R"("n_embd": 1024, "n_layer": 24, "n_head": 16)");
const std::string kGpt2Large = with_sizes(kGpt2s, R"("n_embd": 1280, "n_layer": 36, "n_head": 20)");
const std::string kRobertaLarge = with_sizes(kRobertas, kLarge);

std::string deberta(std::string_view sizes) {
  return with_sizes(R"("model_type": "deberta-v2", "relative_attention": true, "position_buckets": 256,
                       "norm_rel_ebd": "layer_norm", "share_att_key": true, "pos_att_type": "p2c|c2p",
                       "position_biased_input": false)",
                    sizes);
}
const std::string kDebertaXsmall =
    deberta(R"("hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536)");
const std::string kDebertaSmall =
    deberta(R"("hidden_size": 768, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 3072)");
const std::string kDebertaBase =
    deberta(R"("hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072)");
const std::string kDebertaLarge = deberta(kLarge);
const std::string kDebertaXlarge = deberta(R"("conv_kernel_size": 3)");

INSTANTIATE_TEST_SUITE_P(
    Published, PoolSizes,
    ::testing::Values(
        PublishedModel{"bert_base_uncased", R"({"model_type": "bert"})", 109'482'240, 38'400, 18'432, 102'912, 294'912,
                       55'296, 2'379'264},
        PublishedModel{"bert_large_cased", kBertLarge, 333'579'264, 100'352, 49'152, 272'384, 786'432, 147'456,
                       6'343'680},
        PublishedModel{"roberta_base", kRobertaBase, 124'055'040, 38'400, 18'432, 102'144, 294'912, 55'296, 2'379'264},
        PublishedModel{"roberta_large", kRobertaLarge, 354'310'144, 100'352, 49'152, 271'360, 786'432, 147'456,
                       6'343'680},
        PublishedModel{"electra_small", kElectraSmall, 13'483'008, 12'544, 6'144, 34'176, 98'304, 18'432, 794'112},
        PublishedModel{"electra_base", kElectraBase, 108'891'648, 38'400, 18'432, 102'144, 294'912, 55'296, 2'379'264},
        PublishedModel{"electra_large", kElectraLarge, 334'092'288, 100'352, 49'152, 271'360, 786'432, 147'456,
                       6'343'680},
        PublishedModel{"distilbert_base", R"({"model_type": "distilbert"})", 66'362'880, 19'968, 9'216, 51'456, 147'456,
                       27'648, 1'189'632},
        PublishedModel{"gpt2", kGpt2, 124'439'808, 38'400, 18'432, 102'144, 294'912, 55'296, 2'379'264},
        PublishedModel{"gpt2_medium", kGpt2Medium, 354'823'168, 100'352, 49'152, 271'360, 786'432, 147'456, 6'343'680},
        PublishedModel{"gpt2_large", kGpt2Large, 774'030'080, 186'880, 92'160, 508'160, 1'474'560, 276'480, 11'893'248},
        PublishedModel{"deberta_v3_xsmall", kDebertaXsmall, 70'682'112, 19'968, 9'216, 51'456, 147'456, 27'648,
                       1'190'400},
        PublishedModel{"deberta_v3_small", kDebertaSmall, 141'304'320, 21'504, 9'216, 52'224, 147'456, 27'648,
                       1'189'632},
        PublishedModel{"deberta_v3_base", kDebertaBase, 183'831'552, 39'936, 18'432, 102'912, 294'912, 55'296,
                       2'379'264},
        PublishedModel{"deberta_v3_large", kDebertaLarge, 434'012'160, 102'400, 49'152, 272'384, 786'432, 147'456,
                       6'343'680},
        PublishedModel{"deberta_v2_xlarge", kDebertaXlarge, 884'593'152, 156'672, 73'728, 411'648, 1'179'648, 221'184,
                       9'513'984}),
    [](const auto& info) { return std::string(info.param.name); });

std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (auto place = static_cast<std::ptrdiff_t>(digits.size()) - 3; place > 0; place -= 3) {
    digits.insert(static_cast<std::size_t>(place), ",");
  }
  return digits;
}

TEST_P(PoolSizes, StandInTheUsersDocument) {
  const auto& [name, config, backbone, layer_norms, of_each_kind, biases, lora, ia3, adapter] = GetParam();
  std::string row = "| " + std::string(name);
  std::ranges::replace(row, '_', '-');
  for (const std::int64_t number : {backbone, layer_norms, of_each_kind, biases, lora, ia3, adapter})
    row += " | " + with_commas(number);
  EXPECT_THAT(test::read_bytes(test::source_folder() / "docs" / "methods.md"), ::testing::HasSubstr(row + " |"));
}

// A sixteenth of the width, as the library `adapters` has it by default.
TEST(AddedScalars, OfAdaptersAreThoseOfTheLibrary) {
  const test::TemporaryFolder folder;
  const auto network = read_network(folder.write("config.json", R"({"model_type": "bert"})")).network;
  const ParameterCatalogue catalogue = network->catalogue(2);
  const auto count = [&](const char* method) {
    return additions_of(parse_method(method), catalogue).catalogue().total_size() - catalogue.total_size();
  };
  EXPECT_EQ(count("adapter:size=48"), 1'789'056);
  EXPECT_EQ(count("adapter:placement=pfeiffer,size=48"), 894'528);
}

// By what they come after, though its blocks begin with one.
TEST(MethodSelection, KnowsTheLayerNormsOfGpt2) {
  const ParameterCatalogue catalogue = read_network(test::golden("model/gpt2/config.json")).network->catalogue(2);
  const auto chosen = [&](const char* method) {
    std::vector<std::string> names;
    for (const ParameterIndex i : group_tensors(method, catalogue)) {
      if (!catalogue[i].is_bias)
        names.push_back(catalogue.layer_labels()[catalogue[i].layer] + " " + catalogue[i].name);
    }
    return names;
  };
  EXPECT_THAT(chosen("layernorm-attention"),
              ::testing::ElementsAre("0 transformer.h.0.ln_2.weight", "1 transformer.h.1.ln_2.weight"));
  EXPECT_THAT(chosen("layernorm-output"),
              ::testing::ElementsAre("1 transformer.h.1.ln_1.weight", "final transformer.ln_f.weight"));
}

TEST(MethodSelection, RefusesAPoolThatTheModelDoesNotHave) {
  CatalogueBuilder builder;
  builder.begin_layer("embeddings", "");
  builder.add_table("words.weight", 3, 2);
  const ParameterCatalogue catalogue = builder.build();
  for (const char* method : {"bitfit", "random:fraction=0.5,pool=bitfit"}) {
    EXPECT_THAT(test::message_of<ConfigError>([&] { select_parameters(parse_method(method), catalogue, {}); }),
                ::testing::HasSubstr("'bitfit' is every bias (Ben Zaken et al. 2022), and the model has none"));
  }
  EXPECT_NO_THROW(select_parameters(parse_method("head"), catalogue, {}));
}

}  // namespace
}  // namespace tunescope
