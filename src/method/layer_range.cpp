#include "layer_range.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "tunescope/base/error.hpp"
#include "tunescope/base/number.hpp"

namespace tunescope {
namespace {

constexpr std::string_view kLast = "last";

struct LayerRange {
  std::size_t first = 0;
  std::size_t last = 0;
};

// The number of layers of `lastN`; nothing if the text is no such number.
std::optional<std::size_t> count_from_end(std::string_view text) {
  if (!text.starts_with(kLast)) return std::nullopt;
  const auto count = to_number<std::size_t>(text.substr(kLast.size()));
  return count > 0U ? count : std::nullopt;
}

std::optional<LayerRange> to_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = to_number<std::size_t>(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : to_number<std::size_t>(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return LayerRange{*first, *last};
}

}  // namespace

std::string spell_layers(const std::string& text) {
  if (const auto count = count_from_end(text)) return fmt::format("{}{}", kLast, *count);
  const auto range = to_range(text);
  if (!range) {
    throw ConfigError(fmt::format(
        "layers must be a layer such as 4, a range such as 8-11 or the last ones such as last4, not '{}'", text));
  }
  return range->first == range->last ? fmt::format("{}", range->first)
                                     : fmt::format("{}-{}", range->first, range->last);
}

std::vector<ParameterIndex> tensors_in_layers(const std::vector<ParameterIndex>& tensors, const std::string& layers,
                                              const ParameterCatalogue& catalogue) {
  const std::size_t count = catalogue.encoder_layers();
  const auto from_end = count_from_end(layers);
  const LayerRange range = from_end ? LayerRange{count - std::min(*from_end, count), count - 1} : *to_range(layers);
  if (range.last >= count || from_end > count) {
    throw ConfigError(fmt::format("layers = {}: the model has {} layers, 0 to {}", layers, count, count - 1));
  }
  std::vector<ParameterIndex> chosen;
  std::ranges::copy_if(tensors, std::back_inserter(chosen), [&](ParameterIndex i) {
    const auto layer = to_number<std::size_t>(catalogue.layer_labels()[catalogue[i].layer]);
    return layer && range.first <= *layer && *layer <= range.last;
  });
  return chosen;
}

}  // namespace tunescope
