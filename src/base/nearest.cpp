#include "tunescope/base/nearest.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace tunescope {
namespace {

constexpr std::size_t kMostSuggested = 3;

// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> before_last;
  std::vector<std::size_t> last;
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= from.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t substitution = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
      const bool is_swap = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (is_swap) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row.back();
}

std::size_t distance_to(const std::string& plain, const std::string& known) {
  const std::size_t whole = edit_distance(plain, plain_name(known));
  const std::size_t dot = known.find('.');
  return dot == std::string::npos ? whole : std::min(whole, edit_distance(plain, plain_name(known.substr(dot))));
}

}  // namespace

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') plain += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) plain += c;
  }
  return plain;
}

std::string suggest(std::string_view name, const std::vector<std::string>& known) {
  const std::string plain = plain_name(name);
  std::size_t nearest = std::max<std::size_t>(1, plain.size() / 3);
  std::vector<std::string> near;
  for (const std::string& candidate : known) {
    const std::size_t distance = distance_to(plain, candidate);
    if (distance > nearest || distance >= plain.size()) continue;
    if (distance < nearest) near.clear();
    nearest = distance;
    near.push_back(candidate);
  }
  if (near.empty() || near.size() > kMostSuggested) return fmt::format("; known are {}", fmt::join(known, ", "));
  return fmt::format("; did you mean '{}'?", fmt::join(near, "' or '"));
}

}  // namespace tunescope
