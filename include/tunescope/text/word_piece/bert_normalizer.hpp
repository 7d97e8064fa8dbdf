#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// The switches of Hugging Face's `BertNormalizer`.
struct BertNormalizerOptions {
  bool clean_text = true;              ///< drop control characters, turn every white space into a blank
  bool tokenize_chinese_chars = true;  ///< put a blank before and after every CJK ideograph
  bool strip_accents = true;           ///< decompose canonically and drop nonspacing marks
  bool lowercase = true;               ///< lower-case every character
};

/// Normalizes text as Hugging Face's `BertNormalizer` does: it applies its options in the order above to the whole
/// text. Here one pass over the text does all of them: what they make of a single code point never depends on its
/// neighbours (only the order of combining marks does), so it is computed for each code point once, on construction,
/// and looked up from then on. Construction takes about 20 ms; use is thread-safe.
class BertNormalizer {
 public:
  explicit BertNormalizer(BertNormalizerOptions options);

  /// Appends the normalized form of `text`, which must be valid UTF-8, to `normalized`.
  void append_normalized(std::string_view text, std::string& normalized) const;

 private:
  struct Expansion;
  class Writer;

  Expansion expand(char32_t code_point) const;
  std::uint32_t make_rule(char32_t code_point) const;
  void write_expansion(char32_t code_point, Writer& writer) const;

  BertNormalizerOptions options_;
  std::vector<std::uint32_t> rules_;
};

}  // namespace tunescope
