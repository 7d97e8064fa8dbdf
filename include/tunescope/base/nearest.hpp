#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// A name with its letters in lower case and nothing but letters and digits: how people compare names.
std::string plain_name(std::string_view name);

/// What a message says after an unknown name: "; did you mean 'RTE'?" with the nearest known names, or "; known are
/// CoLA, SST-2, ..." if none is near. Case, hyphens, dots and underscores do not count, and a known "section.key" is as
/// near as its key. A name is near if so few letters differ that it may be a slip: one, or a third of its letters.
std::string suggest(std::string_view name, const std::vector<std::string>& known);

}  // namespace tunescope
