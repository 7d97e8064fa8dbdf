#include "tunescope/text/unigram/unigram.hpp"

#include <ATen/ops/ones.h>
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
using Ids = std::vector<std::int32_t>;

// A folder with the golden model, of 119 pieces, as spm.model.
class UnigramFolder : public ::testing::Test {
 protected:
  std::unique_ptr<const Tokenizer> read(const nlohmann::json& files = nlohmann::json::object()) const {
    const test::TemporaryFolder folder;
    folder.write("spm.model", model_);
    test::write_files(folder, files);
    return read_tokenizer(folder.path());
  }
  std::string refusal_of_model(const std::string& model) const {
    const test::TemporaryFolder folder;
    folder.write("spm.model", model);
    return message_of<DataError>([&] { read_tokenizer(folder.path()); });
  }
  Ids ids(const std::string& text) const { return read()->tokenize(text); }

  const std::string model_ = test::read_bytes(test::golden_tokenizer() / "unigram.model");
};

TEST_F(UnigramFolder, GivesTheIdsOfThePythonPackage) {
  const nlohmann::json golden = test::read_json(test::golden_tokenizer() / "unigram.json");
  const UnigramOptions options{.sequence = bert_template("[CLS]", "[SEP]")};
  const Unigram tokenizer(model_, options);
  EXPECT_EQ(tokenizer.vocabulary_size(), golden["pieces"].get<std::size_t>());
  for (const nlohmann::json& test_case : golden["cases"]) {
    EXPECT_EQ(tokenizer.tokenize(test_case["text"].get<std::string>()), test_case["token_ids"].get<Ids>()) << test_case;
  }
}

TEST_F(UnigramFolder, PutsTextsTogetherAsDeberta) {
  const auto tokenizer = read();
  EXPECT_EQ(tokenizer->summary(), "SentencePiece, 120 tokens");
  EXPECT_EQ(tokenizer->token(119), "[MASK]");
  const Ids text = ids("the river");
  Ids expected = {1};
  expected.insert(expected.end(), text.begin(), text.end());
  expected.push_back(2);
  EXPECT_EQ(tokenizer->encode("the river", 64).token_ids, expected);
  const Encoding pair = tokenizer->encode_pair("", "", 64);
  EXPECT_THAT(pair.token_ids, ElementsAre(1, 2, 2));
  EXPECT_THAT(pair.type_ids, ElementsAre(0, 0, 1));
}

TEST_F(UnigramFolder, FindsSpecialTokensAndTakesEachTextBetweenThemForItself) {
  Ids expected = ids("the");
  expected.push_back(119);
  for (const std::int32_t id : ids("river")) expected.push_back(id);
  expected.push_back(2);
  EXPECT_EQ(ids("the[MASK]river [SEP]"), expected);
}

TEST_F(UnigramFolder, FindsTokensThatUsersHaveAdded) {
  Ids expected = ids("the");
  expected.push_back(120);
  for (const std::int32_t id : ids("river")) expected.push_back(id);
  EXPECT_EQ(read({{"added_tokens.json", R"({"[MASK]": 119, "<New>": 120})"}})->tokenize("the <New>river"), expected);
  const nlohmann::json json = {
      {"tokenizer.json", R"({"model": {"type": "Unigram", "vocab": []}, "added_tokens": [{"id": 120, "content": "<New>",
       "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}]})"},
      {"tokenizer_config.json", R"({"do_lower_case": true})"}};
  EXPECT_EQ(read(json)->tokenize("THE <NEW>river"), expected);
}

TEST_F(UnigramFolder, MakesOneUnknownTokenOfUnknownCharactersInARow) {
  EXPECT_EQ(ids("\u6F22\u5B57").back(), 3);
  EXPECT_EQ(ids("\u6F22\u5B57").size(), ids("\u6F22").size());
}

TEST_F(UnigramFolder, TakesBytesThatAreNotUtf8ForReplacementCharacters) {
  EXPECT_EQ(ids("the \xFF river \xE2\x82"), ids("the \uFFFD river \uFFFD"));
}

TEST_F(UnigramFolder, ReadsItsConfiguration) {
  EXPECT_EQ(read({{"tokenizer_config.json", R"({"do_lower_case": true})"}})->tokenize("THE RIVER \u03A3\u03A3"),
            ids("the river \u03C3\u03C2"));
  const auto split = read({{"tokenizer_config.json", R"({"split_by_punct": true})"}});
  Ids expected = ids("the river");
  for (const char* part : {",", "the", "."}) {
    for (const std::int32_t id : ids(part)) expected.push_back(id);
  }
  EXPECT_EQ(split->tokenize("the river,the."), expected);
  EXPECT_NE(split->content_hash(), read()->content_hash());
}

TEST_F(UnigramFolder, OfAnotherClassIsRefused) {
  EXPECT_THAT(message_of<DataError>([&] {
                read({{"tokenizer_config.json", R"({"tokenizer_class": "XLMRobertaTokenizer"})"}});
              }),
              AllOf(HasSubstr("XLMRobertaTokenizer"), HasSubstr("DebertaV2Tokenizer")));
}

TEST_F(UnigramFolder, ThatIsDamagedIsRefused) {
  for (const double part : {0.0, 0.1, 0.5, 0.9, 0.99}) {
    const auto bytes = static_cast<std::size_t>(part * static_cast<double>(model_.size()));
    EXPECT_THAT(refusal_of_model(model_.substr(0, bytes)), HasSubstr("spm.model")) << part;
  }
  EXPECT_THAT(refusal_of_model("the bytes of something else"), HasSubstr("spm.model"));
}

// SentencePiece would read outside of the rules, or of what it keeps of them.
TEST_F(UnigramFolder, WithDamagedNormalizationRulesIsRefused) {
  std::string damaged = model_;
  damaged.replace(damaged.rfind("nmt_nfkc") + 1000, 100, 100, '\x7F');
  EXPECT_THAT(refusal_of_model(damaged), AllOf(HasSubstr("spm.model"), HasSubstr("normalization rules")));
  const std::filesystem::path found = test::source_folder() / "tests" / "fuzz" / "corpus" / "unigram";
  for (const char* name : {"text-beyond-rules.model", "rules-in-a-circle.model"}) {
    EXPECT_THAT(refusal_of_model(test::read_bytes(found / name)), HasSubstr("normalization rules")) << name;
  }
}

TEST_F(UnigramFolder, WithTokenizerJsonAloneNamesTheFileThatIsMissing) {
  const test::TemporaryFolder folder;
  folder.write("tokenizer.json", R"({"model": {"type": "Unigram", "vocab": []}})");
  EXPECT_THAT(message_of<DataError>([&] { read_tokenizer(folder.path()); }),
              AllOf(HasSubstr("spm.model"), HasSubstr("huggingface.co/microsoft/deberta-v3-base")));
}

// Both libraries bring protobuf and a flag of the same names.
TEST_F(UnigramFolder, LivesInOneProcessWithLibTorch) {
  EXPECT_EQ(at::ones({3, 2}).matmul(at::ones({2, 1})).sum().item<double>(), 6.0);
  EXPECT_FALSE(ids("the river").empty());
  EXPECT_THAT(refusal_of_model("damaged"), HasSubstr("spm.model"));
  EXPECT_EQ(at::ones({3, 2}).matmul(at::ones({2, 1})).sum().item<double>(), 6.0);
}

}  // namespace
}  // namespace tunescope
