#include "tunescope/text/word_piece/bert_normalizer.hpp"

#include <gtest/gtest.h>

#include "text/tokenizer_golden.hpp"
#include "tunescope/text/word_piece/bert_words.hpp"

namespace tunescope {
namespace {

std::string normalize(const BertNormalizer& normalizer, const std::string& text) {
  std::string normalized;
  normalizer.append_normalized(text, normalized);
  return normalized;
}

std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  for_each_word(text, [&](const Word& word) { words.emplace_back(word.text); });
  return words;
}

TEST(BertNormalizer, GivesHuggingFacesTextUnderEveryCombinationOfOptions) {
  const nlohmann::json golden_file = test::read_json(test::golden_tokenizer() / "bert_normalizer.json");
  for (const nlohmann::json& golden : golden_file["normalizers"]) {
    const nlohmann::json& options = golden["options"];
    const BertNormalizer normalizer({.clean_text = options["clean_text"],
                                     .tokenize_chinese_chars = options["handle_chinese_chars"],
                                     .strip_accents = options["strip_accents"],
                                     .lowercase = options["lowercase"]});
    for (const nlohmann::json& test_case : golden["cases"]) {
      EXPECT_EQ(normalize(normalizer, test_case["text"]), test_case["normalized"].get<std::string>())
          << options << test_case["text"];
    }
  }
}

TEST(BertNormalizer, AppendsToWhatIsThere) {
  std::string text = "kept ";
  BertNormalizer({}).append_normalized("New", text);
  EXPECT_EQ(text, "kept new");
}

TEST(BertWords, AgreesWithTheBasicTokenizerCasesOfTransformers) {
  const std::filesystem::path file = test::shared_data() / "data" / "golden/hf/tokenizer_vectors.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is absent";
  const nlohmann::json golden_file = test::read_json(file);
  for (const nlohmann::json& test_case : golden_file["basic_tokenizer"]) {
    if (test_case.contains("never_split")) continue;  // the fast tokenizer has added tokens instead
    const bool lowercase = test_case["lower"];
    const BertNormalizer normalizer(
        {.strip_accents = test_case.value("strip_accents", lowercase), .lowercase = lowercase});
    EXPECT_EQ(split_words(normalize(normalizer, test_case["text"])),
              test_case["tokens"].get<std::vector<std::string>>())
        << test_case;
  }
}

TEST(BertWords, CountsCodePointsNotBytes) {
  std::vector<std::size_t> counts;
  for_each_word("h\u00E9llo, \U0001F642\U0001F642", [&](const Word& word) { counts.push_back(word.character_count); });
  EXPECT_EQ(counts, (std::vector<std::size_t>{5, 1, 2}));
}

}  // namespace
}  // namespace tunescope
