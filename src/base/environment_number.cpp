#include "tunescope/base/environment_number.hpp"

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace tunescope {

std::optional<std::int64_t> positive_number_of(const char* variable) {
  const char* const value = std::getenv(variable);
  if (value == nullptr) return std::nullopt;
  const std::string_view text(value);
  std::int64_t number = 0;
  const bool is_number = std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
  return is_number && number > 0 ? std::optional(number) : std::nullopt;
}

}  // namespace tunescope
