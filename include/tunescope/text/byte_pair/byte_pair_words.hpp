#pragma once

#include <cstddef>
#include <string_view>

namespace tunescope {

/// The end of the word that begins at `begin` of a text, as GPT-2's regular expression cuts it:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// So a word keeps the blank before it, and of several blanks the last. The text must be valid UTF-8, `begin` the start
/// of a code point in it.
std::size_t end_of_byte_pair_word(std::string_view text, std::size_t begin);

}  // namespace tunescope
