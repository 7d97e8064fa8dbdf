#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tunescope::utf8 {

/// U+FFFD, which stands for bytes that are not UTF-8.
inline constexpr char32_t kReplacementCharacter = 0xFFFD;

/// The position of the first byte that is not part of valid UTF-8 (Unicode 15.0, table 3-7: no surrogates, no overlong
/// forms, nothing above U+10FFFF), or `text.size()` if all of the text is valid.
std::size_t find_invalid(std::string_view text);

/// Replaces every maximal part of an ill-formed sequence by one U+FFFD, as Python's `bytes.decode("utf-8", "replace")`
/// does.
std::string replace_invalid(std::string_view text);

/// Decodes the code point that starts at `position` and advances `position` past it. The text must be valid UTF-8, and
/// `position` the start of a code point in it.
inline char32_t decode_next(std::string_view text, std::size_t& position) {
  const auto byte = [&](std::size_t offset) { return static_cast<unsigned char>(text[position + offset]); };
  const char32_t lead = byte(0);
  char32_t code_point = lead;
  std::size_t length = 1;
  if (lead >= 0xF0) {
    code_point = (lead & 0x07U) << 18U | (byte(1) & 0x3FU) << 12U | (byte(2) & 0x3FU) << 6U | (byte(3) & 0x3FU);
    length = 4;
  } else if (lead >= 0xE0) {
    code_point = (lead & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
    length = 3;
  } else if (lead >= 0x80) {
    code_point = (lead & 0x1FU) << 6U | (byte(1) & 0x3FU);
    length = 2;
  }
  position += length;
  return code_point;
}

/// Appends the UTF-8 form of a code point (not a surrogate) to `text`.
inline void append(std::string& text, char32_t code_point) {
  const auto push = [&](char32_t byte) { text.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (code_point < 0x80) {
    push(code_point);
  } else if (code_point < 0x800) {
    push(0xC0U | code_point >> 6U);
    push(0x80U | (code_point & 0x3FU));
  } else if (code_point < 0x10000) {
    push(0xE0U | code_point >> 12U);
    push(0x80U | (code_point >> 6U & 0x3FU));
    push(0x80U | (code_point & 0x3FU));
  } else {
    push(0xF0U | code_point >> 18U);
    push(0x80U | (code_point >> 12U & 0x3FU));
    push(0x80U | (code_point >> 6U & 0x3FU));
    push(0x80U | (code_point & 0x3FU));
  }
}

}  // namespace tunescope::utf8
