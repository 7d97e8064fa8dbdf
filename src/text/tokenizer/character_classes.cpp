#include "tunescope/text/tokenizer/character_classes.hpp"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tunescope::character_classes {
namespace {

constexpr int kVersion = 16;

/// A run of code points that Unicode 15.1 or 16.0 added, unknown to ICU 72 (Unicode 15.0).
struct Run {
  char32_t first;
  char32_t last;
};

/// Characters of words. Source: every code point compared with `tokenizers` 0.23.3, placed before a single-word added
/// token.
constexpr std::array<Run, 31> kYoungWordCharacters{{
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3}, {0x10D40, 0x10D65},
    {0x10D69, 0x10D6D}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x10EFC, 0x10EFC}, {0x11380, 0x11389},
    {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113C0}, {0x113C2, 0x113C2},
    {0x113C5, 0x113C5}, {0x113C7, 0x113CA}, {0x113CC, 0x113D3}, {0x113E1, 0x113E2}, {0x116D0, 0x116E3},
    {0x11BC0, 0x11BE0}, {0x11BF0, 0x11BF9}, {0x11F5A, 0x11F5A}, {0x13460, 0x143FA}, {0x16100, 0x16139},
    {0x16D40, 0x16D6C}, {0x16D70, 0x16D79}, {0x18CFF, 0x18CFF}, {0x1CCF0, 0x1CCF9}, {0x1E5D0, 0x1E5FA},
    {0x2EBF0, 0x2EE5D},
}};

/// Source of these two: every code point compared with the pieces of `ByteLevel` of `tokenizers` 0.23.3.
/// Letters that Unicode 15.1 and 16.0 added.
constexpr std::array<Run, 22> kYoungLetters{{
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3}, {0x10D4A, 0x10D65},
    {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x11380, 0x11389}, {0x1138B, 0x1138B}, {0x1138E, 0x1138E},
    {0x11390, 0x113B5}, {0x113B7, 0x113B7}, {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0},
    {0x13460, 0x143FA}, {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED},
    {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D},
}};

/// Numbers that Unicode 16.0 added.
constexpr std::array<Run, 7> kYoungNumbers{{
    {0x10D40, 0x10D49},
    {0x116D0, 0x116E3},
    {0x11BF0, 0x11BF9},
    {0x16130, 0x16139},
    {0x16D70, 0x16D79},
    {0x1CCF0, 0x1CCF9},
    {0x1E5F1, 0x1E5FA},
}};

UChar32 as_icu(char32_t code_point) { return static_cast<UChar32>(code_point); }

bool is_too_young(char32_t code_point) {
  UVersionInfo age{};
  u_charAge(as_icu(code_point), age);
  return age[0] > kVersion;
}

template <std::size_t Size>
bool is_in(const std::array<Run, Size>& runs, char32_t code_point) {
  return std::any_of(runs.begin(), runs.end(),
                     [&](const Run& run) { return code_point >= run.first && code_point <= run.last; });
}

bool has_category(char32_t code_point, std::uint32_t mask) {
  return !is_too_young(code_point) && (U_GET_GC_MASK(as_icu(code_point)) & mask) != 0;
}

}  // namespace

bool is_white_space(char32_t code_point) { return u_isUWhiteSpace(as_icu(code_point)) != 0; }

bool is_letter(char32_t code_point) {
  return has_category(code_point, U_GC_L_MASK) || is_in(kYoungLetters, code_point);
}

bool is_number(char32_t code_point) {
  return has_category(code_point, U_GC_N_MASK) || is_in(kYoungNumbers, code_point);
}

bool is_word_character(char32_t code_point) {
  if (is_in(kYoungWordCharacters, code_point)) return true;
  if (is_too_young(code_point)) return false;
  const UChar32 character = as_icu(code_point);
  return u_hasBinaryProperty(character, UCHAR_ALPHABETIC) != 0 ||
         (U_GET_GC_MASK(character) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0 ||
         u_hasBinaryProperty(character, UCHAR_JOIN_CONTROL) != 0;
}

}  // namespace tunescope::character_classes
