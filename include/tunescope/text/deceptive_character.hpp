#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tunescope {

/// Finds the first character that people do not see or mistake for a plain one: blanks other than U+0020 and tab,
/// control and format characters (zero-width space, byte-order mark), typographic quotes, dashes and the minus sign.
/// Text that was copied from a page or a document has them. Returns it as "U+00A0 (NO-BREAK SPACE)", or nothing if
/// there is none. The text must be valid UTF-8.
std::optional<std::string> find_deceptive_character(std::string_view text);

/// The same for characters that nobody sees: quotes and dashes do not count.
std::optional<std::string> find_invisible_character(std::string_view text);

}  // namespace tunescope
