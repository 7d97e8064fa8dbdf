#pragma once

/// Classes of characters as regular expressions of Hugging Face's Rust library `tokenizers` see them: by Unicode 16.0
/// (crates `regex` and `onig`). ICU supplies the data; what ICU 72 (Unicode 15.0) does not know yet is listed in
/// `src/text/tokenizer/character_classes.cpp`.
namespace tunescope::character_classes {

/// The Unicode property White_Space, which no version since 6.3 has changed.
bool is_white_space(char32_t code_point);

/// `\p{L}` and `\p{N}`: general categories L and N.
bool is_letter(char32_t code_point);
bool is_number(char32_t code_point);

/// A character of a word in the sense of the regular expression `\w` (Unicode Technical Standard 18, annex C).
bool is_word_character(char32_t code_point);

}  // namespace tunescope::character_classes
