#include "tunescope/text/deceptive_character.hpp"

#include <spdlog/fmt/fmt.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <array>

#include "tunescope/text/utf8.hpp"

namespace tunescope {
namespace {

bool is_invisible(char32_t c) {
  if (c == U' ' || c == U'\t') return false;
  constexpr std::uint32_t kInvisible = U_GC_ZS_MASK | U_GC_ZL_MASK | U_GC_ZP_MASK | U_GC_CC_MASK | U_GC_CF_MASK;
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & kInvisible) != 0;
}

bool is_look_alike(char32_t c) {
  constexpr std::array<char32_t, 3> kOthers = {U'\u201A', U'\u201E', U'\u2212'};  // low quotes, minus sign
  constexpr std::uint32_t kQuotesAndDashes = U_GC_PI_MASK | U_GC_PF_MASK | U_GC_PD_MASK;
  if (c == U'-') return false;
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & kQuotesAndDashes) != 0 ||
         std::find(kOthers.begin(), kOthers.end(), c) != kOthers.end();
}

std::string describe(char32_t c) {
  std::array<char, 128> name{};
  UErrorCode error = U_ZERO_ERROR;
  u_charName(static_cast<UChar32>(c), U_EXTENDED_CHAR_NAME, name.data(), name.size(), &error);
  return fmt::format("U+{:04X} ({})", static_cast<std::uint32_t>(c), name.data());
}

template <typename Predicate>
std::optional<std::string> find_character(std::string_view text, Predicate is_wanted) {
  for (std::size_t position = 0; position < text.size();) {
    const char32_t c = utf8::decode_next(text, position);
    if (is_wanted(c)) return describe(c);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> find_deceptive_character(std::string_view text) {
  return find_character(text, [](char32_t c) { return is_invisible(c) || is_look_alike(c); });
}

std::optional<std::string> find_invisible_character(std::string_view text) {
  return find_character(text, is_invisible);
}

}  // namespace tunescope
