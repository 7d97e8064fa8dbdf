#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tunescope/text/utf8.hpp"

namespace tunescope {

/// The role of a character when BERT splits text into words.
enum class CharacterRole : std::uint8_t {
  kPart,       ///< part of a word
  kBlank,      ///< separates words
  kStandAlone  ///< a word by itself: punctuation
};

/// The role of each code point. Those that nearly all text consists of are looked up in Unicode's tables once per
/// process.
class CharacterRoles {
 public:
  /// The only table. The first call builds it. Thread-safe.
  static const CharacterRoles& table();

  CharacterRole operator[](char32_t code_point) const {
    return code_point < roles_.size() ? roles_[code_point] : look_up(code_point);
  }

 private:
  CharacterRoles();
  static CharacterRole look_up(char32_t code_point);

  std::vector<CharacterRole> roles_;
};

/// One word of a text and its length in code points.
struct Word {
  std::string_view text;
  std::size_t character_count = 0;
};

/// Calls `visit(Word)` for every word of a normalized text in order. The text is split as by Hugging Face's
/// `BertPreTokenizer`: at white space, and every punctuation character is a word of its own. It must be valid UTF-8.
template <typename Visitor>
void for_each_word(std::string_view text, Visitor&& visit) {
  const CharacterRoles& roles = CharacterRoles::table();
  std::size_t word_begin = 0;
  std::size_t character_count = 0;
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t begin = position;
    const CharacterRole role = roles[utf8::decode_next(text, position)];
    if (role == CharacterRole::kPart) {
      if (character_count++ == 0) word_begin = begin;
      continue;
    }
    if (character_count > 0) visit(Word{text.substr(word_begin, begin - word_begin), character_count});
    if (role == CharacterRole::kStandAlone) visit(Word{text.substr(begin, position - begin), 1});
    character_count = 0;
  }
  if (character_count > 0) visit(Word{text.substr(word_begin), character_count});
}

}  // namespace tunescope
