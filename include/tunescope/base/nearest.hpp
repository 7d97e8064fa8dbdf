#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// A name with its letters in lower case and nothing but letters and digits: how people compare names.
std::string plain_name(std::string_view name);

/// What a message says of an unknown name, to come after it: "; did you mean 'RTE'?" with the known names that are
/// near, all of which are equally near, or "; known are CoLA, SST-2, ..." where none is. Case, hyphens, dots and
/// underscores do not count, and a known "section.key" is as near as its key. A name is near where so few letters
/// differ that it may be a slip: one, or a third of its letters.
std::string suggest(std::string_view name, const std::vector<std::string>& known);

}  // namespace tunescope
