#include "tunescope/text/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace tunescope::utf8 {
namespace {

/// What must follow a lead byte: the length of the sequence in bytes, and the range of its second byte. A length of 0
/// marks a byte that cannot start a sequence.
struct LeadByte {
  std::size_t length;
  unsigned char second_min;
  unsigned char second_max;
};

LeadByte classify_lead(unsigned char lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

/// How many bytes belong together, and whether they are a whole code point.
struct Sequence {
  std::size_t length;
  bool is_valid;
};

Sequence read_sequence(std::string_view text, std::size_t position) {
  const LeadByte lead = classify_lead(static_cast<unsigned char>(text[position]));
  if (lead.length == 0) return {1, false};
  for (std::size_t offset = 1; offset < lead.length; ++offset) {
    if (position + offset == text.size()) return {offset, false};
    const auto byte = static_cast<unsigned char>(text[position + offset]);
    const unsigned char low = offset == 1 ? lead.second_min : 0x80;
    const unsigned char high = offset == 1 ? lead.second_max : 0xBF;
    if (byte < low || byte > high) return {offset, false};
  }
  return {lead.length, true};
}

bool next_eight_are_ascii(std::string_view text, std::size_t position) {
  if (text.size() - position < sizeof(std::uint64_t)) return false;
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + position, sizeof(word));
  return (word & 0x8080808080808080ULL) == 0;
}

}  // namespace

std::size_t find_invalid(std::string_view text) {
  std::size_t position = 0;
  while (position < text.size()) {
    if (next_eight_are_ascii(text, position)) {
      position += sizeof(std::uint64_t);
      continue;
    }
    const Sequence sequence = read_sequence(text, position);
    if (!sequence.is_valid) return position;
    position += sequence.length;
  }
  return position;
}

std::string replace_invalid(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  std::size_t position = 0;
  while (position < text.size()) {
    const Sequence sequence = read_sequence(text, position);
    if (sequence.is_valid) {
      repaired.append(text.substr(position, sequence.length));
    } else {
      append(repaired, kReplacementCharacter);
    }
    position += sequence.length;
  }
  return repaired;
}

}  // namespace tunescope::utf8
