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

constexpr const char* kSpecial = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n[unused1]\n";

// A tokenizer's folder as other tools leave it: files by name.
class ForeignTokenizer : public ::testing::Test {
 protected:
  using Files = std::vector<std::pair<std::string, std::string>>;

  std::vector<std::string> warnings(const Files& files) const {
    const test::TemporaryFolder folder;
    for (const auto& [name, content] : files) folder.write(name, content);
    return read_tokenizer(folder.path())->notes().warnings;
  }
  std::string refusal(const Files& files) const {
    return message_of<DataError>([&] { warnings(files); });
  }
  std::string words(const std::string& lines) const { return kSpecial + lines; }
  std::string golden_json() const { return test::read_bytes(test::golden_tokenizer() / "tokenizer.json"); }
};

TEST_F(ForeignTokenizer, GivesTheIdsOfTransformers) {
  const nlohmann::json golden = test::read_json(test::golden_tokenizer() / "folders.json");
  for (const nlohmann::json& expected : golden["folders"]) {
    SCOPED_TRACE(expected["name"]);
    const test::TemporaryFolder folder;
    test::write_files(folder, expected["files"]);
    const auto tokenizer = read_tokenizer(folder.path());
    for (const nlohmann::json& test_case : expected["cases"]) {
      EXPECT_EQ(tokenizer->encode(test_case["text"].get<std::string>(), 64).token_ids,
                test_case["token_ids"].get<Ids>())
          << test_case["text"];
    }
  }
}

TEST_F(ForeignTokenizer, WarnsOfATokenThatIsThereTwice) {
  EXPECT_THAT(warnings({{"vocab.txt", words("river\nbank\nriver\nriver\n")}}),
              ElementsAre(AllOf(HasSubstr("2 token"), HasSubstr("'river' in the lines 7 and 9"), HasSubstr("later"))));
}

TEST_F(ForeignTokenizer, WarnsOfCapitalsThatLowerCasingNeverGives) {
  const std::string cased = words("The\nriver\nBank\n");
  EXPECT_THAT(warnings({{"vocab.txt", cased}}),
              ElementsAre(AllOf(HasSubstr("2 tokens"), HasSubstr("'The'"), HasSubstr("\"do_lower_case\": false"))));
  EXPECT_THAT(warnings({{"vocab.txt", cased}, {"tokenizer_config.json", R"({"do_lower_case": false})"}}), IsEmpty());
  EXPECT_THAT(warnings({{"vocab.txt", words("the\nriver\n")}}), IsEmpty());
}

TEST_F(ForeignTokenizer, WarnsOfTextThatKeepsCapitalsTheVocabularyLacks) {
  const std::pair<std::string, std::string> cased = {"tokenizer_config.json", R"({"do_lower_case": false})"};
  EXPECT_THAT(warnings({{"vocab.txt", words("the\nriver\n")}, cased}),
              ElementsAre(HasSubstr("\"do_lower_case\": true")));
  EXPECT_THAT(warnings({{"vocab.txt", words("漢\n字\n語\na\n")}, cased}), IsEmpty());
}

TEST_F(ForeignTokenizer, RefusesAClassThatSplitsTextInAnotherWay) {
  const std::string japanese = R"({"tokenizer_class": "BertJapaneseTokenizer"})";
  EXPECT_THAT(
      refusal({{"vocab.txt", words("river\n")}, {"tokenizer_config.json", japanese}}),
      AllOf(HasSubstr("tokenizer_config.json"), HasSubstr("BertJapaneseTokenizer"), HasSubstr("BertTokenizer,")));
  for (const char* name : {"BertTokenizer", "BertTokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend"}) {
    const std::string config = R"({"tokenizer_class": ")" + std::string(name) + "\"}";
    EXPECT_EQ(refusal({{"vocab.txt", words("river\n")}, {"tokenizer_config.json", config}}), "") << name;
  }
}

TEST_F(ForeignTokenizer, WarnsIfTokenizerJsonContradictsTheFilesNextToIt) {
  EXPECT_THAT(warnings({{"tokenizer.json", golden_json()}}), ElementsAre(HasSubstr("capitals")));
  EXPECT_THAT(warnings({{"tokenizer.json", golden_json()},
                        {"tokenizer_config.json", R"({"do_lower_case": false, "tokenizer_class": "HerbertTokenizer"})"},
                        {"added_tokens.json", R"({"[E1]": 900, "[MASK]": 4})"}}),
              ElementsAre(HasSubstr("HerbertTokenizer"), HasSubstr("'[E1]'")));
}

TEST_F(ForeignTokenizer, WarnsOfKeysThatItDoesNotRead) {
  EXPECT_THAT(warnings({{"vocab.txt", words("river\n")},
                        {"tokenizer_config.json",
                         R"({"truncation_side": "left", "additional_special_tokens": ["[unused1]"]})"}}),
              ElementsAre(HasSubstr("truncation_side"), HasSubstr("additional_special_tokens")));
}

TEST_F(ForeignTokenizer, RefusesMalformedFilesNextToTheVocabulary) {
  const std::pair<std::string, std::string> lines = {"vocab.txt", words("river\n")};
  EXPECT_THAT(refusal({lines, {"added_tokens.json", R"({"[E1]": -1})"}}),
              AllOf(HasSubstr("added_tokens.json"), HasSubstr("[E1]")));
  EXPECT_THAT(refusal({lines, {"added_tokens.json", R"({"[E1]": 2000000})"}}), HasSubstr("too large"));
  EXPECT_THAT(refusal({lines, {"special_tokens_map.json", R"({"cls_token": 3})"}}), HasSubstr("cls_token"));
  EXPECT_THAT(refusal({lines, {"special_tokens_map.json", R"({"additional_special_tokens": [3]})"}}),
              HasSubstr("additional_special_tokens"));
}

TEST_F(ForeignTokenizer, OfGitLfsPointersIsRefusedNamingTheRemedy) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5000\n";
  for (const char* file : {"tokenizer.json", "vocab.txt"}) {
    EXPECT_THAT(refusal({{file, pointer}}), AllOf(HasSubstr(file), HasSubstr("git lfs pull")));
  }
}

TEST_F(ForeignTokenizer, InTheHubsCacheIsRefusedNamingTheSnapshot) {
  EXPECT_THAT(refusal({{"snapshots/c0ffee/vocab.txt", words("river\n")}}), HasSubstr("snapshots/c0ffee"));
}

}  // namespace
}  // namespace tunescope
