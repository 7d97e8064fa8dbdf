#include "tunescope/text/word_piece/word_piece.hpp"

#include <gtest/gtest.h>

#include "text/tokenizer_golden.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using Ids = std::vector<std::int32_t>;

std::vector<std::string> small_vocabulary() {
  return {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "run", "##ning", "##n", "the", ",", "\u6F22", "##s"};
}

WordPiece small_tokenizer(WordPieceOptions options = {}) { return {small_vocabulary(), std::move(options)}; }

std::string lines_of(const nlohmann::json& tokens) {
  std::string lines;
  for (const nlohmann::json& token : tokens) lines += token.get<std::string>() + "\n";
  return lines;
}

TEST(WordPiece, GivesTheIdsOfHuggingFace) {
  const nlohmann::json golden = test::read_json(test::golden_tokenizer() / "word_piece.json");
  for (const nlohmann::json& expected : golden["tokenizers"]) {
    const test::TemporaryFolder folder;
    folder.write("vocab.txt", lines_of(golden["vocabulary"]));
    folder.write("tokenizer_config.json", expected["config"].dump());
    const auto tokenizer = read_tokenizer(folder.path());
    EXPECT_EQ(tokenizer->vocabulary_size(), expected["vocabulary_size"].get<std::size_t>());
    for (const nlohmann::json& test_case : expected["cases"]) {
      const Encoding encoding = test::encode(*tokenizer, test_case);
      EXPECT_EQ(encoding.token_ids, test_case["token_ids"].get<Ids>()) << expected["config"] << test_case["first"];
      EXPECT_EQ(encoding.type_ids, test_case["type_ids"].get<Ids>()) << expected["config"] << test_case["first"];
    }
  }
}

TEST(WordPiece, SplitsOnCjkCharacters) { EXPECT_EQ(small_tokenizer().tokenize("run\u6F22run"), (Ids{5, 10, 5})); }

TEST(WordPiece, TakesTheLongestPieceFirst) { EXPECT_EQ(small_tokenizer().tokenize("running"), (Ids{5, 6})); }

TEST(WordPiece, MakesAWordUnknownIfItsRestHasNoPiece) {
  EXPECT_EQ(small_tokenizer().tokenize("runnx the"), (Ids{1, 8}));
}

TEST(WordPiece, MakesAWordUnknownBeyondTheLimitOfCharacters) {
  const WordPiece tokenizer = small_tokenizer({.max_characters_per_word = 3});
  EXPECT_EQ(tokenizer.tokenize("run runs"), (Ids{5, 1}));
}

TEST(WordPiece, FindsSpecialTokensInsideText) {
  EXPECT_EQ(small_tokenizer().tokenize("run[SEP]run [MASK]"), (Ids{5, 3, 5, 4}));
}

TEST(WordPiece, DropsBytesThatAreNotUtf8AsItDropsTheReplacementCharacter) {
  EXPECT_EQ(small_tokenizer().tokenize("ru\xFFn \xE2\x82"), (Ids{5}));
}

TEST(WordPiece, NeverExceedsTheMaximumLength) {
  const WordPiece tokenizer = small_tokenizer();
  for (std::size_t length = 3; length < 20; ++length) {
    const Encoding encoding = tokenizer.encode_pair("run run run run the the", "the run , , , the the the", length);
    EXPECT_EQ(encoding.token_ids.size(), std::min<std::size_t>(length, 17));
    EXPECT_EQ(encoding.type_ids.size(), encoding.token_ids.size());
  }
  EXPECT_THROW(tokenizer.encode("run", 1), ConfigError);
  EXPECT_THROW(tokenizer.encode_pair("run", "run", 2), ConfigError);
}

TEST(WordPiece, NamesTokensById) {
  const WordPiece tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.token(6), "##ning");
  EXPECT_THROW(tokenizer.token(-1), DataError);
  EXPECT_THROW(tokenizer.token(12), DataError);
}

TEST(WordPiece, GivesAddedTokensTheIdsBehindTheVocabulary) {
  WordPieceOptions options;
  options.added_tokens = {{.content = "<ent>"}};
  const WordPiece tokenizer = small_tokenizer(options);
  EXPECT_EQ(tokenizer.vocabulary_size(), 13U);
  EXPECT_EQ(tokenizer.token(12), "<ent>");
  EXPECT_EQ(tokenizer.tokenize("the<ENT><ent>"), (Ids{8, 1, 1, 1, 12}));
}

TEST(WordPiece, KeepsItsIdsWhenMoved) {
  WordPiece source = small_tokenizer();
  const WordPiece moved = std::move(source);
  EXPECT_EQ(moved.tokenize("running, the"), (Ids{5, 6, 9, 8}));
}

// Stored trials and cached tokens are found by it.
TEST(WordPiece, KeepsItsHash) {
  EXPECT_EQ(small_tokenizer().content_hash(), "ddd12070905421712e89d3d924b22be94c79eb6718c3e5311f4619ff2a62368c");
  EXPECT_EQ(
      small_tokenizer({.lowercase = false, .added_tokens = {{.content = "<ent>", .strips_left = true}}}).content_hash(),
      "1dcee670041945d93315ec71b686bfa419b0c677f0c797a1c7cb064428aacd94");
}

TEST(WordPiece, HashesWhatBearsOnIdsAndNothingElse) {
  const std::string hash = small_tokenizer().content_hash();
  EXPECT_EQ(small_tokenizer({.strip_accents = true}).content_hash(), hash);
  EXPECT_NE(small_tokenizer({.strip_accents = false}).content_hash(), hash);
  EXPECT_NE(small_tokenizer({.lowercase = false}).content_hash(), hash);
  EXPECT_NE(small_tokenizer({.max_characters_per_word = 99}).content_hash(), hash);
  std::vector<std::string> swapped = small_vocabulary();
  std::swap(swapped[5], swapped[8]);
  EXPECT_NE(WordPiece(swapped, {}).content_hash(), hash);
}

TEST(WordPiece, GivesTheIdsOfLlamaCppForBertUncased) {
  const std::filesystem::path data = test::shared_data() / "data";
  const std::filesystem::path stem = data / "golden/tokenizer_llama_cpp/ggml-vocab-bert-bge.gguf";
  if (!std::filesystem::exists(stem.string() + ".inp")) GTEST_SKIP() << stem << ".inp is absent";
  test::expect_ids_of_llama_cpp(*read_tokenizer(data / "vocab/bert-base-uncased"), stem);
}

TEST(WordPiece, GivesTheTokensOfTransformersOwnTests) {
  const std::filesystem::path data = test::shared_data() / "data";
  const std::filesystem::path file = data / "golden/hf/tokenizer_vectors.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is absent";
  const nlohmann::json vectors = test::read_json(file);
  for (const nlohmann::json& test_case : vectors["real_vocab_with_offsets"]) {
    const test::TemporaryFolder folder;
    folder.write("vocab.txt", test::read_bytes(data / "vocab" / test_case["vocab"].get<std::string>() / "vocab.txt"));
    folder.write("tokenizer_config.json", nlohmann::json{{"do_lower_case", test_case["lower"]}}.dump());
    const auto tokenizer = read_tokenizer(folder.path());
    std::vector<std::string> tokens;
    const Encoding encoding = tokenizer->encode(test_case["text"].get<std::string>(), 512);
    for (const std::int32_t id : encoding.token_ids) tokens.emplace_back(tokenizer->token(id));
    EXPECT_EQ(tokens, test_case["tokens"].get<std::vector<std::string>>());
  }
  for (const char* name : {"full_tokenizer_toy_vocab", "wordpiece_toy_vocab"}) {
    const WordPiece tokenizer(vectors[name]["vocab"].get<std::vector<std::string>>(),
                              {.lowercase = vectors[name].value("lowercase", false)});
    for (const nlohmann::json& test_case : vectors[name]["cases"]) {
      std::vector<std::string> tokens;
      for (const std::int32_t id : tokenizer.tokenize(test_case["text"].get<std::string>())) {
        tokens.emplace_back(tokenizer.token(id));
      }
      EXPECT_EQ(tokens, test_case["tokens"].get<std::vector<std::string>>());
    }
  }
}

}  // namespace
}  // namespace tunescope
