#include "tunescope/text/byte_pair/byte_pair_words.hpp"

#include <array>
#include <cstdint>
#include <vector>

#include "tunescope/text/tokenizer/character_classes.hpp"
#include "tunescope/text/utf8.hpp"

namespace tunescope {
namespace {

enum class WordClass : std::uint8_t { kOther, kLetter, kNumber, kSpace };

WordClass look_up_word_class(char32_t code_point) {
  if (character_classes::is_letter(code_point)) return WordClass::kLetter;
  if (character_classes::is_number(code_point)) return WordClass::kNumber;
  if (character_classes::is_white_space(code_point)) return WordClass::kSpace;
  return WordClass::kOther;
}

/// The classes of the planes that hold nearly all text, looked up once per process.
const std::vector<WordClass>& class_table() {
  static const std::vector<WordClass> table = [] {
    std::vector<WordClass> classes(0x20000);
    for (char32_t c = 0; c < classes.size(); ++c) classes[c] = look_up_word_class(c);
    return classes;
  }();
  return table;
}

/// The class of the code point at `position`, which is advanced past it.
WordClass next_class(const std::vector<WordClass>& table, std::string_view text, std::size_t& position) {
  const char32_t code_point = utf8::decode_next(text, position);
  return code_point < table.size() ? table[code_point] : look_up_word_class(code_point);
}

std::size_t contraction_bytes(std::string_view text) {
  constexpr std::array<std::string_view, 7> kContractions = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  if (text.front() != '\'') return 0;
  for (const std::string_view contraction : kContractions) {
    if (text.starts_with(contraction)) return contraction.size();
  }
  return 0;
}

/// White space up to the end of the text, or all of it but the last character, or a single one.
std::size_t end_of_space(const std::vector<WordClass>& table, std::string_view text, std::size_t begin) {
  std::size_t last = begin;
  std::size_t end = begin;
  for (std::size_t position = begin; position < text.size();) {
    const std::size_t start = position;
    if (next_class(table, text, position) != WordClass::kSpace) return last == begin ? end : last;
    last = start;
    end = position;
  }
  return end;
}

}  // namespace

std::size_t end_of_byte_pair_word(std::string_view text, std::size_t begin) {
  if (const std::size_t bytes = contraction_bytes(text.substr(begin)); bytes > 0) return begin + bytes;
  const std::vector<WordClass>& table = class_table();
  std::size_t end = text[begin] == ' ' && begin + 1 < text.size() ? begin + 1 : begin;
  const WordClass first = next_class(table, text, end);
  if (first == WordClass::kSpace) return end_of_space(table, text, begin);
  for (std::size_t position = end; position < text.size(); end = position) {
    if (next_class(table, text, position) != first) break;
  }
  return end;
}

}  // namespace tunescope
