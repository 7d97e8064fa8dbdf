#include "tunescope/text/word_piece/bert_normalizer.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "tunescope/text/tokenizer/character_classes.hpp"
#include "tunescope/text/utf8.hpp"
#include "tunescope/text/word_piece/bert_unicode.hpp"

namespace tunescope {
namespace {

/// The table covers the planes that hold nearly all text. Code points above are computed each time.
constexpr char32_t kRulesEnd = 0x20000;

/// What becomes of a code point. Stored in the bits above the 21 bits of the code point that replaces it.
enum Rule : std::uint32_t {
  kDrop = 0U << 21U,      // is removed
  kBoundary = 1U << 21U,  // is removed, but marks before it are not reordered with marks after it
  kReplace = 2U << 21U,   // becomes one starter
  kSpaced = 3U << 21U,    // becomes one starter between two blanks
  kExpand = 4U << 21U,    // anything else
};
constexpr std::uint32_t kCodePointMask = (1U << 21U) - 1;

}  // namespace

/// What replaces one code point, before marks are put in canonical order.
struct BertNormalizer::Expansion {
  std::array<char32_t, 8> code_points{};
  std::size_t size = 0;
  bool is_spaced = false;
  bool is_boundary = false;

  void push(char32_t code_point) { code_points.at(size++) = code_point; }
};

/// Writes code points to the output and puts marks in canonical order (The Unicode Standard, D109).
class BertNormalizer::Writer {
 public:
  explicit Writer(std::string& output) : output_(output) {}

  void write_starter(char32_t code_point) {
    flush();
    utf8::append(output_, code_point);
  }

  void write(char32_t code_point, unsigned char combining_class) {
    if (combining_class == 0) return write_starter(code_point);
    marks_.push_back({code_point, combining_class});
  }

  void flush() {
    if (marks_.empty()) return;
    std::stable_sort(marks_.begin(), marks_.end(),
                     [](const Mark& left, const Mark& right) { return left.combining_class < right.combining_class; });
    for (const Mark& mark : marks_) utf8::append(output_, mark.code_point);
    marks_.clear();
  }

 private:
  struct Mark {
    char32_t code_point;
    unsigned char combining_class;
  };

  std::string& output_;
  std::vector<Mark> marks_;
};

BertNormalizer::BertNormalizer(BertNormalizerOptions options) : options_(options), rules_(kRulesEnd) {
  for (char32_t code_point = 0; code_point < kRulesEnd; ++code_point) rules_[code_point] = make_rule(code_point);
}

BertNormalizer::Expansion BertNormalizer::expand(char32_t code_point) const {
  Expansion result;
  if (options_.clean_text) {
    if (code_point == 0 || code_point == utf8::kReplacementCharacter || bert_unicode::is_control(code_point)) {
      return result;
    }
    if (character_classes::is_white_space(code_point)) code_point = U' ';
  }
  result.is_spaced = options_.tokenize_chinese_chars && bert_unicode::is_cjk_ideograph(code_point);
  const bert_unicode::CodePoints parts =
      options_.strip_accents ? bert_unicode::decompose(code_point) : bert_unicode::CodePoints{{code_point}, 1};
  for (const char32_t part : parts) {
    if (options_.strip_accents && bert_unicode::is_nonspacing_mark(part)) {
      result.is_boundary = result.is_boundary || bert_unicode::combining_class(part) == 0;
    } else if (options_.lowercase) {
      for (const char32_t lower : bert_unicode::lower_case(part)) result.push(lower);
    } else {
      result.push(part);
    }
  }
  return result;
}

std::uint32_t BertNormalizer::make_rule(char32_t code_point) const {
  const Expansion expansion = expand(code_point);
  if (expansion.size == 0) return expansion.is_boundary ? kBoundary : kDrop;
  const char32_t only = expansion.code_points[0];
  const bool is_ordered = options_.strip_accents && bert_unicode::combining_class(only) != 0;
  if (expansion.size > 1 || is_ordered) return kExpand;
  return (expansion.is_spaced ? kSpaced : kReplace) | only;
}

void BertNormalizer::write_expansion(char32_t code_point, Writer& writer) const {
  const Expansion expansion = expand(code_point);
  if (expansion.is_spaced) writer.write_starter(U' ');
  for (std::size_t index = 0; index < expansion.size; ++index) {
    const char32_t part = expansion.code_points[index];
    writer.write(part, options_.strip_accents ? bert_unicode::combining_class(part) : 0);
  }
  if (expansion.is_boundary) writer.flush();
  if (expansion.is_spaced) writer.write_starter(U' ');
}

void BertNormalizer::append_normalized(std::string_view text, std::string& normalized) const {
  normalized.reserve(normalized.size() + text.size());
  Writer writer(normalized);
  std::size_t position = 0;
  while (position < text.size()) {
    const char32_t code_point = utf8::decode_next(text, position);
    const std::uint32_t rule = code_point < kRulesEnd ? rules_[code_point] : make_rule(code_point);
    switch (rule & ~kCodePointMask) {
      case kReplace:
        writer.write_starter(rule & kCodePointMask);
        break;
      case kSpaced:
        writer.write_starter(U' ');
        writer.write_starter(rule & kCodePointMask);
        writer.write_starter(U' ');
        break;
      case kBoundary:
        writer.flush();
        break;
      case kExpand:
        write_expansion(code_point, writer);
        break;
      default:
        break;
    }
  }
  writer.flush();
}

}  // namespace tunescope
