#include "tunescope/text/byte_pair/byte_pair_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/tokenizer_golden.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Ids = std::vector<std::int32_t>;

// Folders of byte_pair.json, by their names, and changes of them.
class BytePairFolder : public ::testing::Test {
 protected:
  nlohmann::json files(const std::string& name) const {
    for (const nlohmann::json& folder : golden_["folders"]) {
      if (folder["name"] == name) return folder["files"];
    }
    throw std::out_of_range(name);
  }
  nlohmann::json json() const {
    return nlohmann::json::parse(files("RoBERTa, tokenizer.json")["tokenizer.json"].get<std::string>());
  }
  nlohmann::json lines() const { return files("RoBERTa, vocab.json and merges.txt"); }

  std::unique_ptr<const Tokenizer> read(const nlohmann::json& files) const {
    const test::TemporaryFolder folder;
    test::write_files(folder, files);
    return read_tokenizer(folder.path());
  }
  std::string refusal(const nlohmann::json& files) const {
    return message_of<DataError>([&] { read(files); });
  }
  std::string refusal_of_json(const nlohmann::json& json) const { return refusal({{"tokenizer.json", json.dump()}}); }
  std::string refusal_of_model(const std::string& key, const nlohmann::json& value) const {
    nlohmann::json changed = json();
    changed["model"][key] = value;
    return refusal_of_json(changed);
  }

  const nlohmann::json golden_ = test::read_json(test::golden_tokenizer() / "byte_pair.json");
};

TEST_F(BytePairFolder, ShowsItsKind) {
  EXPECT_EQ(read(lines())->summary(), "byte-level BPE, 331 tokens");
  EXPECT_EQ(read(files("RoBERTa, add_prefix_space"))->summary(),
            "byte-level BPE, 331 tokens, a blank before each text");
}

TEST_F(BytePairFolder, HasTheTemplateOfItsModel) {
  const auto roberta = read(lines());
  EXPECT_EQ(roberta->sequences().special_tokens_of_pair(), 4U);
  EXPECT_EQ(roberta->sequences().types_of_pair(), 1);
  const auto gpt2 = read(files("GPT-2, vocab.json and merges.txt"));
  EXPECT_EQ(gpt2->sequences().special_tokens_of_pair(), 0U);
  EXPECT_EQ(gpt2->encode("", 8).token_ids, (Ids{0}));
  EXPECT_EQ(gpt2->encode_pair("a", "b", 8).type_ids, (Ids{0, 0}));
}

TEST_F(BytePairFolder, WithAnOptionOfOtherModelsIsRefused) {
  for (const std::string key :
       {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"}) {
    EXPECT_THAT(refusal_of_model(key, true), AllOf(HasSubstr("model." + key), HasSubstr("true")));
    for (const nlohmann::json& unset : {nlohmann::json(), nlohmann::json(false), nlohmann::json("")}) {
      EXPECT_EQ(refusal_of_model(key, unset), "") << key << unset;
    }
  }
}

TEST_F(BytePairFolder, ThatIsNotByteLevelIsRefused) {
  nlohmann::json changed = json();
  changed["normalizer"] = {{"type", "NFC"}};
  EXPECT_THAT(refusal_of_json(changed), HasSubstr("'normalizer'"));
  changed = json();
  changed["pre_tokenizer"]["type"] = "Metaspace";
  EXPECT_THAT(refusal_of_json(changed), AllOf(HasSubstr("Metaspace"), HasSubstr("ByteLevel")));
  changed["pre_tokenizer"] = nullptr;
  EXPECT_THAT(refusal_of_json(changed), HasSubstr("pre_tokenizer"));
  changed = json();
  changed["pre_tokenizer"]["use_regex"] = false;
  EXPECT_THAT(refusal_of_json(changed), HasSubstr("use_regex"));
  changed = json();
  changed["post_processor"]["type"] = "Unheard";
  EXPECT_THAT(refusal_of_json(changed), AllOf(HasSubstr("post_processor"), HasSubstr("Unheard")));
}

TEST_F(BytePairFolder, WithADamagedMergeIsRefused) {
  EXPECT_THAT(refusal_of_model("merges", 3), HasSubstr("model.merges"));
  for (const nlohmann::json& merge : {nlohmann::json("a"), nlohmann::json("a b c"), nlohmann::json::array({"a"})}) {
    EXPECT_THAT(refusal_of_model("merges", nlohmann::json::array({"t h", merge})), HasSubstr("merges[1]")) << merge;
  }
  nlohmann::json damaged = lines();
  damaged["merges.txt"] = "t h\nthe\n";
  EXPECT_THAT(refusal(damaged), AllOf(HasSubstr("merges.txt:2"), HasSubstr("'the'")));
  damaged["merges.txt"] = "t h\n\xFF x\n";
  EXPECT_THAT(refusal(damaged), AllOf(HasSubstr("merges.txt:2"), HasSubstr("UTF-8")));
  damaged["vocab.json"] = R"({"a": 0, "b": 0})";
  EXPECT_THAT(refusal(damaged), AllOf(HasSubstr("vocab.json"), HasSubstr("id 0")));
}

TEST_F(BytePairFolder, WithoutASpecialTokenOfItsTemplateIsRefused) {
  nlohmann::json changed = json();
  changed["post_processor"]["cls"] = nlohmann::json::array({"<cls>", 0});
  EXPECT_THAT(refusal_of_json(changed), AllOf(HasSubstr("tokenizer.json"), HasSubstr("'<cls>'")));
}

TEST_F(BytePairFolder, OfAnotherClassIsRefusedOrNoted) {
  const char* config = R"({"tokenizer_class": "CLIPTokenizer"})";
  nlohmann::json other = lines();
  other["tokenizer_config.json"] = config;
  EXPECT_THAT(refusal(other), AllOf(HasSubstr("CLIPTokenizer"), HasSubstr("RobertaTokenizer")));
  const auto noted = read({{"tokenizer.json", json().dump()}, {"tokenizer_config.json", config}});
  EXPECT_THAT(noted->notes().warnings, ElementsAre(HasSubstr("CLIPTokenizer")));
  EXPECT_THAT(read(lines())->notes().warnings, IsEmpty());
}

TEST_F(BytePairFolder, GivesDeclaredTokensTheirFlagsAndIds) {
  nlohmann::json declared = lines();
  declared["special_tokens_map.json"] = R"({"mask_token": {"content": "<mask>", "lstrip": true}})";
  declared["added_tokens.json"] = R"({"<ent>": 331})";
  const auto tokenizer = read(declared);
  EXPECT_EQ(tokenizer->tokenize("  <mask><ent>"), (Ids{4, 331}));
  EXPECT_EQ(tokenizer->vocabulary_size(), 332U);
}

}  // namespace
}  // namespace tunescope
