#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tunescope/text/utf8.hpp"

namespace tunescope {

/// What BERT's word splitting makes of a character.
enum class CharacterRole : std::uint8_t {
  kPart,       ///< part of a word
  kBlank,      ///< separates words
  kStandAlone  ///< a word by itself: punctuation
};

/// The roles of the code points below `end()`, looked up in Unicode's tables once per process.
class CharacterRoles {
 public:
  /// The one table; the first call builds it (thread-safe).
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

/// Calls `visit(Word)` for every word of a normalized text in order, split as Hugging Face's
/// `BertPreTokenizer` does: at white space, with every punctuation character a word of its own. The text must
/// be valid UTF-8.
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
