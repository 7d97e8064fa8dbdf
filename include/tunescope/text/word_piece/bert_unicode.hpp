#pragma once

#include <array>
#include <cstddef>

/// Character properties as Hugging Face's Rust library `tokenizers` sees them. BERT's token ids depend on them.
///
/// The crates of that library freeze different versions of the Unicode Character Database. We found them by comparing
/// every code point with tokenizers 0.23.3 (`tests/text/parity/fuzz_against_hugging_face.py` repeats it):
///   - general categories: Unicode 8.0 (crate `unicode_categories`)
///   - canonical decomposition and combining classes: Unicode 9.0 (crate `unicode-normalization-alignments`)
///   - lower case: Unicode 17.0 (Rust's standard library)
/// ICU supplies the data. A code point younger than the frozen version counts as unassigned, so the result does not
/// depend on the installed version of ICU. The few properties that Unicode changed later are listed in
/// `src/text/word_piece/bert_unicode.cpp`.
namespace tunescope::bert_unicode {

/// A character that BERT removes: general category Cc, Cf or Co, except tab, line feed and carriage return.
bool is_control(char32_t code_point);

/// A character that is a word of its own: general category P, or any ASCII character that is neither letter,
/// digit, blank nor control.
bool is_punctuation(char32_t code_point);

/// General category Mn: what remains of an accent after canonical decomposition.
bool is_nonspacing_mark(char32_t code_point);

/// A code point of the blocks that BERT calls Chinese characters: the CJK ideographs up to extension E without
/// U+2B820..U+2B91F, and the compatibility ideographs; neither kana nor Hangul.
bool is_cjk_ideograph(char32_t code_point);

/// Canonical_Combining_Class: 0 for a starter.
unsigned char combining_class(char32_t code_point);

/// A short sequence of code points: one lower-case mapping or one canonical decomposition (at most four long).
struct CodePoints {
  std::array<char32_t, 4> values{};
  std::size_t size = 0;

  const char32_t* begin() const { return values.data(); }
  const char32_t* end() const { return values.data() + size; }
};

/// The full canonical decomposition (NFD) of one code point; the code point itself if it has none.
CodePoints decompose(char32_t code_point);

/// The lower-case form of one code point, regardless of its neighbours. Only that of U+0130 has two code points.
CodePoints lower_case(char32_t code_point);

}  // namespace tunescope::bert_unicode
