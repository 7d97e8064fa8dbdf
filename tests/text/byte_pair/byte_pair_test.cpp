#include "tunescope/text/byte_pair/byte_pair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "text/tokenizer_golden.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/text/byte_pair/byte_alphabet.hpp"
#include "tunescope/text/byte_pair/byte_pair_words.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

const SequenceTemplate kPlain = {.single = {{"$A"}}, .pair = {{"$A"}, {"$B"}}};

// All bytes, in their order, and tokens behind them.
std::vector<std::string> bytes_and(const std::vector<std::string>& tokens) {
  std::vector<std::string> vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.push_back(byte_alphabet::spelling(static_cast<unsigned char>(byte)));
  }
  vocabulary.insert(vocabulary.end(), tokens.begin(), tokens.end());
  return vocabulary;
}

BytePair tokenizer_of(const BytePair::MergeRules& merges, BytePairOptions options = {}) {
  std::vector<std::string> results;
  for (const auto& [left, right] : merges) results.push_back(left + right);
  options.sequence = kPlain;
  return {bytes_and(results), merges, options};
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = end_of_byte_pair_word(text, begin);
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

TEST(BytePair, GivesTheIdsOfHuggingFace) {
  const nlohmann::json golden = test::read_json(test::golden_tokenizer() / "byte_pair.json");
  for (const nlohmann::json& expected : golden["folders"]) {
    SCOPED_TRACE(expected["name"]);
    const test::TemporaryFolder folder;
    test::write_files(folder, expected["files"]);
    const auto tokenizer = read_tokenizer(folder.path());
    for (const nlohmann::json& test_case : expected["cases"]) {
      EXPECT_EQ(test::encode(*tokenizer, test_case).token_ids, test_case["token_ids"].get<Ids>()) << test_case;
    }
  }
}

TEST(BytePair, GivesTheIdsOfLlamaCppForGpt2) {
  const std::filesystem::path data = test::shared_data() / "data";
  const std::filesystem::path stem = data / "golden/tokenizer_llama_cpp/ggml-vocab-gpt-2.gguf";
  if (!std::filesystem::exists(stem.string() + ".inp")) GTEST_SKIP() << stem << ".inp is absent";
  test::expect_ids_of_llama_cpp(*read_tokenizer(data / "vocab/gpt2"), stem);
}

TEST(BytePair, MergesTheLowestRankFirstAndOfEqualsTheLeftmost) {
  const BytePair tokenizer = tokenizer_of({{"b", "c"}, {"a", "b"}, {"a", "bc"}, {"a", "a"}});
  EXPECT_EQ(tokenizer.tokenize("abc"), (Ids{258}));
  EXPECT_EQ(tokenizer.tokenize("aba"), (Ids{257, 'a'}));
  EXPECT_EQ(tokenizer.tokenize("aaa"), (Ids{259, 'a'}));
}

TEST(BytePair, HasATokenForEveryByte) {
  const BytePair tokenizer = tokenizer_of({});
  EXPECT_EQ(tokenizer.tokenize("\xF0\x9F\x99\x82"), (Ids{0xF0, 0x9F, 0x99, 0x82}));
  EXPECT_EQ(tokenizer.tokenize(std::string("\0\n", 2)), (Ids{0, 10}));
}

TEST(BytePair, TakesBytesThatAreNotUtf8ForReplacementCharacters) {
  EXPECT_EQ(tokenizer_of({}).tokenize("a\xFF\xE2\x82"), (Ids{'a', 0xEF, 0xBF, 0xBD, 0xEF, 0xBF, 0xBD}));
}

TEST(BytePair, LeavesOutOrMarksBytesThatAreNoToken) {
  const std::vector<std::string> vocabulary = {"a", "<unk>"};
  EXPECT_EQ(BytePair(vocabulary, {}, {.sequence = kPlain}).tokenize("xay"), (Ids{0}));
  EXPECT_EQ(BytePair(vocabulary, {}, {.unknown_token = "<unk>", .sequence = kPlain}).tokenize("xay"), (Ids{1, 0, 1}));
}

TEST(BytePair, PutsABlankBeforeEachTextBetweenAddedTokens) {
  const BytePair tokenizer = tokenizer_of({}, {.add_prefix_space = true, .added_tokens = {{.content = "<ent>"}}});
  EXPECT_EQ(tokenizer.tokenize("a<ent>b c<ent> d"), (Ids{' ', 'a', 256, ' ', 'b', ' ', 'c', 256, ' ', 'd'}));
  EXPECT_EQ(tokenizer.tokenize("\ta"), (Ids{' ', '\t', 'a'}));
  EXPECT_EQ(tokenizer.tokenize(""), (Ids{}));
}

TEST(BytePair, HashesWhatBearsOnIds) {
  const std::string hash = tokenizer_of({{"a", "b"}, {"b", "a"}}).content_hash();
  EXPECT_EQ(tokenizer_of({{"a", "b"}, {"b", "a"}}).content_hash(), hash);
  EXPECT_NE(tokenizer_of({{"b", "a"}, {"a", "b"}}).content_hash(), hash);
  EXPECT_NE(tokenizer_of({{"a", "b"}, {"b", "a"}}, {.add_prefix_space = true}).content_hash(), hash);
}

TEST(BytePair, RefusesMergesOfTokensThatTheVocabularyLacks) {
  const auto build = [](const BytePair::MergeRules& merges) { BytePair(bytes_and({"ab"}), merges, {}); };
  EXPECT_NO_THROW(build({{"a", "b"}}));
  EXPECT_THAT(message_of<DataError>([&] {
                build({{"a", "b"}, {"ab", "c"}});
              }),
              AllOf(HasSubstr("merge 2"), HasSubstr("'abc'")));
}

// A text without blanks is one word. If its time grew with the square of its length, it would grow 64 times here.
TEST(BytePair, TakesTimeInProportionToAWord) {
  BytePair::MergeRules merges;
  for (char letter = 'a'; letter < 'z'; ++letter) {
    merges.emplace_back(std::string(1, letter), std::string(1, static_cast<char>(letter + 1)));
  }
  const BytePair tokenizer = tokenizer_of(merges);
  const auto seconds = [&](std::size_t bytes) {
    std::string word;
    for (std::size_t i = 0; i < bytes; ++i) word += static_cast<char>('a' + i * i % 26);
    const std::clock_t begin = std::clock();
    EXPECT_FALSE(tokenizer.tokenize(word).empty());
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  };
  EXPECT_LT(seconds(1U << 20U), 32 * std::max({seconds(1U << 17U), seconds(1U << 17U), 0.001}));
}

TEST(BytePairWords, AreThoseOfGpt2sExpression) {
  EXPECT_THAT(words_of("the river's  old"), ElementsAre("the", " river", "'s", " ", " old"));
  EXPECT_THAT(words_of("x'T 'llama"), ElementsAre("x", "'", "T", " '", "llama"));
  EXPECT_THAT(words_of("a1!? b"), ElementsAre("a", "1", "!?", " b"));
  EXPECT_THAT(words_of(" \t\n x \n"), ElementsAre(" \t\n", " x", " \n"));
  EXPECT_THAT(words_of("a\n\nb"), ElementsAre("a", "\n", "\n", "b"));
  EXPECT_THAT(words_of("e\u0301"), ElementsAre("e", "\u0301"));
}

TEST(ByteAlphabet, SpellsBlankAndLineFeedAsGpt2) {
  EXPECT_EQ(byte_alphabet::spelling(' '), "\u0120");
  EXPECT_EQ(byte_alphabet::spelling('\n'), "\u010A");
  EXPECT_EQ(byte_alphabet::bytes_of("\u0120a"), " a");
  EXPECT_EQ(byte_alphabet::bytes_of("\u0144"), std::nullopt);
}

}  // namespace
}  // namespace tunescope
