#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tunescope {

/// The first character of a text in UTF-8 that people do not see, or take for a plain one: blanks other than U+0020 and
/// tab, control and format characters (zero-width space, byte-order mark), typographic quotes, dashes and the minus
/// sign. They come with text that was copied from a page or a document. Returned as "U+00A0 (NO-BREAK SPACE)"; nothing
/// where there is none. The text must be valid.
std::optional<std::string> find_deceptive_character(std::string_view text);

/// The same for those that nobody sees: quotes and dashes do not count.
std::optional<std::string> find_invisible_character(std::string_view text);

}  // namespace tunescope
