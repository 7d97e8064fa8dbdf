#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// The candidate with the smallest edit distance (Levenshtein) to `name`; empty where there are no candidates.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace tunescope
