#include "tunescope/text/word_piece/bert_words.hpp"

#include "tunescope/text/tokenizer/character_classes.hpp"
#include "tunescope/text/word_piece/bert_unicode.hpp"

namespace tunescope {
namespace {

/// The planes that hold nearly all text.
constexpr char32_t kRolesEnd = 0x20000;

}  // namespace

const CharacterRoles& CharacterRoles::table() {
  static const CharacterRoles roles;
  return roles;
}

CharacterRoles::CharacterRoles() : roles_(kRolesEnd) {
  for (char32_t code_point = 0; code_point < kRolesEnd; ++code_point) roles_[code_point] = look_up(code_point);
}

CharacterRole CharacterRoles::look_up(char32_t code_point) {
  if (character_classes::is_white_space(code_point)) return CharacterRole::kBlank;
  if (bert_unicode::is_punctuation(code_point)) return CharacterRole::kStandAlone;
  return CharacterRole::kPart;
}

}  // namespace tunescope
