#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tunescope::cli {

/// A text broken into lines that fit a terminal; those after the first begin with `indent` blanks.
std::string wrapped(std::string_view text, std::size_t indent);

}  // namespace tunescope::cli
