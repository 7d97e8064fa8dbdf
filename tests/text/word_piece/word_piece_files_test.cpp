#include <gtest/gtest.h>

#include "text/tokenizer_golden.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using Ids = std::vector<std::int32_t>;

constexpr const char* kLines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nrun\nRun\n";

/// The message of the DataError that loading the folder throws; empty if it throws none.
std::string error_of(const test::TemporaryFolder& folder) {
  try {
    read_tokenizer(folder.path());
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

std::string error_of_lines(const std::string& lines) {
  const test::TemporaryFolder folder;
  folder.write("vocab.txt", lines);
  return error_of(folder);
}

std::string error_of_json(const nlohmann::json& json) {
  const test::TemporaryFolder folder;
  folder.write("tokenizer.json", json.dump());
  return error_of(folder);
}

void expect_mentions(const std::string& message, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
}

nlohmann::json golden_json() { return test::read_json(test::golden_tokenizer() / "tokenizer.json"); }

TEST(WordPieceFiles, LowerCaseUnlessTheConfigurationSaysOtherwise) {
  const test::TemporaryFolder folder;
  folder.write("vocab.txt", kLines);
  EXPECT_EQ(read_tokenizer(folder.path())->tokenize("Run"), (Ids{5}));
  folder.write("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_EQ(read_tokenizer(folder.path())->tokenize("Run"), (Ids{6}));
}

TEST(WordPieceFiles, TolerateCrlfAndAnEmptyLastLine) {
  const test::TemporaryFolder folder;
  folder.write("vocab.txt", "[UNK]\r\n[CLS]\r\n[SEP]\r\n[PAD]\r\n[MASK]\r\nrun\r\n\r\n");
  const auto tokenizer = read_tokenizer(folder.path());
  EXPECT_EQ(tokenizer->vocabulary_size(), 6U);
  EXPECT_EQ(tokenizer->tokenize("run"), (Ids{5}));
}

TEST(WordPieceFiles, TakeTheNamesOfSpecialTokensFromTheConfiguration) {
  const test::TemporaryFolder folder;
  folder.write("vocab.txt", "<unk>\n<s>\n</s>\n[PAD]\n[MASK]\nrun\n");
  folder.write("tokenizer_config.json",
               R"({"unk_token": "<unk>", "cls_token": {"content": "<s>"}, "sep_token": "</s>", "mask_token": null})");
  EXPECT_EQ(read_tokenizer(folder.path())->encode("run x", 9).token_ids, (Ids{1, 5, 0, 2}));
}

TEST(WordPieceFiles, GiveAbsentPadAndMaskTokensTheIdsBehindTheVocabulary) {
  const test::TemporaryFolder folder;
  folder.write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\nrun\n");
  const auto tokenizer = read_tokenizer(folder.path());
  EXPECT_EQ(tokenizer->vocabulary_size(), 6U);
  EXPECT_EQ(tokenizer->tokenize("[PAD][MASK]"), (Ids{4, 5}));
}

TEST(WordPieceFiles, AgreeBetweenTokenizerJsonAndVocabularyLines) {
  const test::TemporaryFolder lines;
  const nlohmann::json golden_file = test::read_json(test::golden_tokenizer() / "word_piece.json");
  for (const nlohmann::json& token : golden_file["vocabulary"]) {
    lines.write("vocab.txt", test::read_bytes(lines.path() / "vocab.txt") + token.get<std::string>() + "\n");
  }
  EXPECT_EQ(read_tokenizer(test::golden_tokenizer())->content_hash(), read_tokenizer(lines.path())->content_hash());
}

TEST(WordPieceFiles, LetTheConfigurationOverrideTheNormalizerOfTokenizerJson) {
  const test::TemporaryFolder folder;
  folder.write("tokenizer.json", golden_json().dump());
  const Ids lowered = read_tokenizer(folder.path())->tokenize("Hello");
  folder.write("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_NE(read_tokenizer(folder.path())->tokenize("Hello"), lowered);
}

TEST(WordPieceFiles, RefuseAFolderWithoutVocabulary) {
  expect_mentions(error_of(test::TemporaryFolder()), {"tokenizer.json", "vocab.txt"});
}

TEST(WordPieceFiles, RefuseABadVocabularyNamingTheLine) {
  expect_mentions(error_of_lines(""), {"vocab.txt", "no token"});
  expect_mentions(error_of_lines("[UNK]\n\xFF\n"), {"vocab.txt:2", "UTF-8"});
  expect_mentions(error_of_lines("[CLS]\n[SEP]\n"), {"vocab.txt", "'[UNK]'", "missing"});
  expect_mentions(error_of_lines("[UNK]\n[SEP]\n"), {"vocab.txt", "'[CLS]'", "missing", "tokenizer_config.json"});
  expect_mentions(error_of_lines("[UNK]\n[CLS]\n"), {"vocab.txt", "'[SEP]'", "missing"});
}

TEST(WordPieceFiles, RefuseJsonThatIsNotABertTokenizer) {
  nlohmann::json json = golden_json();
  EXPECT_EQ(error_of_json(json), "");
  json["model"]["type"] = "WordLevel";
  expect_mentions(error_of_json(json), {"tokenizer.json", "model.type", "WordLevel", "WordPiece"});
  json = golden_json();
  json["normalizer"]["type"] = "NFKC";
  expect_mentions(error_of_json(json), {"normalizer.type", "NFKC", "BertNormalizer"});
  json["normalizer"] = nullptr;
  expect_mentions(error_of_json(json), {"normalizer", "null"});
  json = golden_json();
  json["model"]["vocab"]["tunescope"] = 3;
  expect_mentions(error_of_json(json), {"model.vocab", "id 3"});
  json = golden_json();
  json["model"]["vocab"] = nlohmann::json::object();
  expect_mentions(error_of_json(json), {"tokenizer.json", "no token"});
  json = golden_json();
  json["added_tokens"][0]["id"] = 7;
  expect_mentions(error_of_json(json), {"tokenizer.json", "added token", "id 7"});
}

TEST(WordPieceFiles, RefuseMalformedJson) {
  const test::TemporaryFolder folder;
  folder.write("tokenizer.json", "{\"model\": \n");
  expect_mentions(error_of(folder), {"tokenizer.json", "line 2"});
  folder.write("tokenizer.json", R"({"model": {"vocab": {"run": 0, "run": 1}}})");
  expect_mentions(error_of(folder), {"tokenizer.json", "\"run\" twice"});
  folder.write("tokenizer.json", "[1]");
  expect_mentions(error_of(folder), {"tokenizer.json", "array"});
}

// As deep as that, copying or printing the value would overflow the stack.
TEST(WordPieceFiles, RefuseJsonThatIsNestedTooDeep) {
  const std::string nested = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  const test::TemporaryFolder folder;
  folder.write("vocab.txt", kLines);
  folder.write("tokenizer_config.json", R"({"do_lower_case": )" + nested + "}");
  expect_mentions(error_of(folder), {"tokenizer_config.json", "deep"});
  folder.write("tokenizer.json", R"({"model": )" + nested + "}");
  expect_mentions(error_of(folder), {"tokenizer.json", "deep"});
}

TEST(WordPieceFiles, RefuseTheIdOfAnAddedTokenThatIsTooLarge) {
  const test::TemporaryFolder folder;
  folder.write("vocab.txt", kLines);
  folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {"2147483647": {"content": "new"}}})");
  expect_mentions(error_of(folder), {"tokenizer_config.json", "2147483647", "too large"});
}

TEST(WordPieceFiles, RefuseAConfigurationOfTheWrongType) {
  const test::TemporaryFolder folder;
  folder.write("vocab.txt", kLines);
  folder.write("tokenizer_config.json", R"({"do_lower_case": "no"})");
  expect_mentions(error_of(folder), {"tokenizer_config.json", "do_lower_case", "\"no\""});
}

}  // namespace
}  // namespace tunescope
