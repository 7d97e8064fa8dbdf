#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace tunescope {

/// The number that a text is, with nothing before or behind it; nothing if it is none, or too large for its type.
template <typename Number>
std::optional<Number> to_number(std::string_view text) {
  Number number{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace tunescope
