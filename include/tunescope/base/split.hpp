#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// The pieces between the separators of a text, which may be empty. There is one more than there are separators.
std::vector<std::string> split(std::string_view text, char separator);

}  // namespace tunescope
