#include <string>
#include <string_view>

#include "tunescope/text/utf8.hpp"
#include "tunescope/text/word_piece/bert_unicode.hpp"
#include "tunescope/text/word_piece/word_piece_files.hpp"

namespace tunescope {
namespace {

struct CaseCounts {
  std::size_t words = 0;
  std::size_t with_capitals = 0;
  std::size_t of_small_letters = 0;  // words that have an ASCII small letter
  std::string example;               // a token with a capital; a whole word if there is one
};

bool has_capital(std::string_view token) {
  for (std::size_t position = 0; position < token.size();) {
    const char32_t character = utf8::decode_next(token, position);
    const bert_unicode::CodePoints lowered = bert_unicode::lower_case(character);
    if (lowered.size != 1 || lowered.values[0] != character) return true;
  }
  return false;
}

bool has_small_letter(std::string_view token) {
  return token.find_first_of("abcdefghijklmnopqrstuvwxyz") != std::string_view::npos;
}

// Special tokens, such as [unused7], are found before text is lower-cased, or never.
bool is_special(std::string_view token, const WordPieceOptions& options) {
  const auto& o = options;
  return (token.front() == '[' && token.back() == ']') || (token.front() == '<' && token.back() == '>') ||
         token == o.unknown_token || token == o.class_token || token == o.separator_token || token == o.pad_token ||
         token == o.mask_token;
}

CaseCounts count_case(const WordPieceFiles& files) {
  CaseCounts counts;
  for (const std::string& token : files.vocabulary) {
    if (token.empty() || is_special(token, files.options) || utf8::find_invalid(token) != token.size()) continue;
    ++counts.words;
    counts.of_small_letters += has_small_letter(token) ? 1 : 0;
    if (!has_capital(token)) continue;
    ++counts.with_capitals;
    const bool is_better =
        token.size() > counts.example.size() && !token.starts_with(files.options.continuation_prefix);
    if (counts.example.empty() || (counts.example.size() < 3 && is_better)) counts.example = token;
  }
  return counts;
}

}  // namespace

void check_case(WordPieceFiles& files) {
  constexpr std::size_t kRare = 100;  // one in a hundred tells nothing
  const CaseCounts counts = count_case(files);
  if (files.options.lowercase && counts.with_capitals * kRare > counts.words) {
    files.notes.warnings.push_back("text is lower-cased, but " + std::to_string(counts.with_capitals) +
                                   " tokens of the vocabulary have capitals, such as '" + counts.example +
                                   "', and never occur; for a cased model put {\"do_lower_case\": false} into "
                                   "tokenizer_config.json");
  }
  if (!files.options.lowercase && counts.with_capitals == 0 && 2 * counts.of_small_letters > counts.words) {
    files.notes.warnings.emplace_back(
        "text keeps its capitals, but no token of the vocabulary has one: words with capitals are unknown; for an "
        "uncased model put {\"do_lower_case\": true} into tokenizer_config.json");
  }
}

}  // namespace tunescope
