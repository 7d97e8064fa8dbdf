#include "tunescope/text/word_piece/bert_unicode.hpp"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "tunescope/base/error.hpp"

namespace tunescope::bert_unicode {
namespace {

constexpr int kCategoryVersion = 8;
constexpr int kNormalizationVersion = 9;
constexpr int kLowerCaseVersion = 17;

/// A code point whose general category a version after Unicode 8.0 changed, and its category in 8.0.
struct CategoryChange {
  char32_t code_point;
  UCharCategory category;
};

/// Source: every code point compared with `tokenizers` 0.23.3. The comments give the category in Unicode 15.0.
constexpr std::array<CategoryChange, 6> kCategoryChanges{{
    {0x166D, U_OTHER_PUNCTUATION},       // CANADIAN SYLLABICS CHI SIGN, So
    {0x1734, U_NON_SPACING_MARK},        // HANUNOO SIGN PAMUDPOD, Mc
    {0x1885, U_OTHER_LETTER},            // MONGOLIAN LETTER ALI GALI BALUDA, Mn
    {0x1886, U_OTHER_LETTER},            // MONGOLIAN LETTER ALI GALI THREE BALUDA, Mn
    {0xA9BD, U_COMBINING_SPACING_MARK},  // JAVANESE CONSONANT SIGN KERET, Mn
    {0x111C9, U_OTHER_PUNCTUATION},      // SHARADA SANDHI MARK, Mn
}};

/// A run of capitals that Unicode 16.0 and 17.0 added, unknown to ICU 72 (Unicode 15.0).
struct LowerCaseRun {
  char32_t first;
  char32_t last;
  char32_t lower_of_first;
};

/// Source: every code point compared with `tokenizers` 0.23.3.
constexpr std::array<LowerCaseRun, 10> kYoungCapitals{{
    {0x1C89, 0x1C89, 0x1C8A},
    {0xA7CB, 0xA7CB, 0x0264},
    {0xA7CC, 0xA7CC, 0xA7CD},
    {0xA7CE, 0xA7CE, 0xA7CF},
    {0xA7D2, 0xA7D2, 0xA7D3},
    {0xA7D4, 0xA7D4, 0xA7D5},
    {0xA7DA, 0xA7DA, 0xA7DB},
    {0xA7DC, 0xA7DC, 0x019B},
    {0x10D50, 0x10D65, 0x10D70},
    {0x16EA0, 0x16EB8, 0x16EBB},
}};

UChar32 as_icu(char32_t code_point) { return static_cast<UChar32>(code_point); }

bool is_younger_than(char32_t code_point, int major_version) {
  UVersionInfo age{};
  u_charAge(as_icu(code_point), age);
  return age[0] > major_version || (age[0] == major_version && age[1] > 0);
}

UCharCategory category(char32_t code_point) {
  const auto* change = std::find_if(kCategoryChanges.begin(), kCategoryChanges.end(),
                                    [&](const CategoryChange& entry) { return entry.code_point == code_point; });
  if (change != kCategoryChanges.end()) return change->category;
  if (is_younger_than(code_point, kCategoryVersion)) return U_UNASSIGNED;
  return static_cast<UCharCategory>(u_charType(as_icu(code_point)));
}

const icu::Normalizer2& canonical_normalizer() {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = icu::Normalizer2::getNFDInstance(status);
  if (U_FAILURE(status) != 0 || normalizer == nullptr) {
    throw EnvironmentError(std::string("ICU has no canonical normalization data (") + u_errorName(status) +
                           "): install the ICU data package that belongs to libicuuc");
  }
  return *normalizer;
}

constexpr char32_t kHangulFirst = 0xAC00;
constexpr char32_t kHangulLast = 0xD7A3;

/// The Unicode Standard, section 3.12, "Hangul Syllable Decomposition".
CodePoints decompose_hangul(char32_t syllable) {
  constexpr char32_t kTrailingCount = 28;
  constexpr char32_t kVowelTimesTrailingCount = 21 * kTrailingCount;
  const char32_t index = syllable - kHangulFirst;
  const char32_t trailing = index % kTrailingCount;
  CodePoints jamo{{0x1100 + index / kVowelTimesTrailingCount,
                   0x1161 + index % kVowelTimesTrailingCount / kTrailingCount, 0x11A7 + trailing, 0},
                  3};
  if (trailing == 0) jamo.size = 2;
  return jamo;
}

}  // namespace

bool is_control(char32_t code_point) {
  if (code_point == U'\t' || code_point == U'\n' || code_point == U'\r') return false;
  const UCharCategory found = category(code_point);
  return found == U_CONTROL_CHAR || found == U_FORMAT_CHAR || found == U_PRIVATE_USE_CHAR;
}

bool is_punctuation(char32_t code_point) {
  if (code_point < 0x80) return code_point > 0x20 && code_point < 0x7F && u_isalnum(as_icu(code_point)) == 0;
  return (U_MASK(category(code_point)) & U_GC_P_MASK) != 0;
}

bool is_nonspacing_mark(char32_t code_point) { return category(code_point) == U_NON_SPACING_MARK; }

bool is_cjk_ideograph(char32_t code_point) {
  const auto is_within = [&](char32_t first, char32_t last) { return code_point >= first && code_point <= last; };
  return is_within(0x4E00, 0x9FFF) || is_within(0x3400, 0x4DBF) || is_within(0x20000, 0x2A6DF) ||
         is_within(0x2A700, 0x2B81F) || is_within(0x2B920, 0x2CEAF) || is_within(0xF900, 0xFAFF) ||
         is_within(0x2F800, 0x2FA1F);
}

unsigned char combining_class(char32_t code_point) {
  return is_younger_than(code_point, kNormalizationVersion) ? 0 : u_getCombiningClass(as_icu(code_point));
}

CodePoints decompose(char32_t code_point) {
  if (code_point >= kHangulFirst && code_point <= kHangulLast) return decompose_hangul(code_point);
  icu::UnicodeString decomposition;
  if (is_younger_than(code_point, kNormalizationVersion) ||
      canonical_normalizer().getDecomposition(as_icu(code_point), decomposition) == 0) {
    return {{code_point}, 1};
  }
  CodePoints parts;
  for (int32_t unit = 0; unit < decomposition.length(); unit = decomposition.moveIndex32(unit, 1)) {
    parts.values.at(parts.size++) = static_cast<char32_t>(decomposition.char32At(unit));
  }
  return parts;
}

CodePoints lower_case(char32_t code_point) {
  // SpecialCasing.txt: the only unconditional lower-case mapping to more than one code point.
  if (code_point == 0x130) return {{U'i', 0x307}, 2};
  for (const LowerCaseRun& run : kYoungCapitals) {
    if (code_point >= run.first && code_point <= run.last) return {{run.lower_of_first + (code_point - run.first)}, 1};
  }
  if (is_younger_than(code_point, kLowerCaseVersion)) return {{code_point}, 1};
  return {{static_cast<char32_t>(u_tolower(as_icu(code_point)))}, 1};
}

}  // namespace tunescope::bert_unicode
