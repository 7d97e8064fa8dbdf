#include "device/kernel_file.hpp"

#include <fstream>

namespace tunescope {

std::optional<double> number_in(const std::filesystem::path& file) {
  std::ifstream stream(file);
  double value = 0.0;
  return stream >> value ? std::optional(value) : std::nullopt;
}

std::optional<double> number_after(const std::filesystem::path& file, const std::string& word) {
  std::ifstream stream(file);
  for (std::string found; stream >> found;) {
    if (double value = 0.0; found == word && stream >> value) return value;
  }
  return std::nullopt;
}

}  // namespace tunescope
