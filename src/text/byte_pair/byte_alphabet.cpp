#include "tunescope/text/byte_pair/byte_alphabet.hpp"

#include <array>

#include "tunescope/text/utf8.hpp"

namespace tunescope::byte_alphabet {
namespace {

constexpr char32_t kCharactersEnd = 0x144;

constexpr bool stands_for_itself(char32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

/// The code point of each byte.
constexpr std::array<char32_t, 256> code_points() {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) characters[byte] = stands_for_itself(byte) ? byte : next++;
  return characters;
}

constexpr std::array<char32_t, 256> kCodePoints = code_points();

/// The byte of each code point, or -1.
constexpr std::array<int, kCharactersEnd> bytes() {
  std::array<int, kCharactersEnd> bytes{};
  for (int& byte : bytes) byte = -1;
  for (int byte = 0; byte < 256; ++byte) bytes[kCodePoints[static_cast<std::size_t>(byte)]] = byte;
  return bytes;
}

constexpr std::array<int, kCharactersEnd> kBytes = bytes();

}  // namespace

const std::string& spelling(unsigned char byte) {
  static const std::array<std::string, 256> spellings = [] {
    std::array<std::string, 256> texts;
    for (std::size_t value = 0; value < 256; ++value) utf8::append(texts[value], kCodePoints[value]);
    return texts;
  }();
  return spellings[byte];
}

std::optional<std::string> bytes_of(std::string_view token) {
  std::string bytes;
  for (std::size_t position = 0; position < token.size();) {
    const char32_t character = utf8::decode_next(token, position);
    if (character >= kCharactersEnd || kBytes[character] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kBytes[character]));
  }
  return bytes;
}

}  // namespace tunescope::byte_alphabet
