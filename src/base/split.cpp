#include "tunescope/base/split.hpp"

namespace tunescope {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  for (std::size_t begin = 0; begin <= text.size();) {
    pieces.emplace_back(text.substr(begin, text.find(separator, begin) - begin));
    begin += pieces.back().size() + 1;
  }
  return pieces;
}

}  // namespace tunescope
