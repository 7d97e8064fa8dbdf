#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tunescope::byte_alphabet {

/// The character that stands for a byte: 0x21 to 0x7E, 0xA1 to 0xAC and 0xAE to 0xFF for themselves, the other 68, in
/// their order, for U+0100 to U+0143. In UTF-8.
const std::string& spelling(unsigned char byte);

/// The bytes that a token's characters stand for; nothing if one stands for none. The token must be valid UTF-8.
std::optional<std::string> bytes_of(std::string_view token);

}  // namespace tunescope::byte_alphabet
