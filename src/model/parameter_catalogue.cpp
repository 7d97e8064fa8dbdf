#include "tunescope/model/parameter_catalogue.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

namespace tunescope {

std::int64_t ParameterInfo::size() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

ParameterCatalogue::ParameterCatalogue(std::vector<ParameterInfo> parameters, std::vector<std::string> layer_labels,
                                       std::size_t encoder_layers)
    : layer_labels_(std::move(layer_labels)), encoder_layers_(encoder_layers) {
  for (ParameterInfo& parameter : parameters) append(std::move(parameter));
}

ParameterIndex ParameterCatalogue::append(ParameterInfo info) {
  const auto found = std::find(component_labels_.begin(), component_labels_.end(), info.component);
  component_indices_.push_back(static_cast<std::size_t>(found - component_labels_.begin()));
  if (found == component_labels_.end()) component_labels_.push_back(info.component);
  parameters_.push_back(std::move(info));
  return parameters_.size() - 1;
}

std::size_t ParameterCatalogue::backbone_count() const {
  return static_cast<std::size_t>(
      std::find_if(parameters_.begin(), parameters_.end(), std::mem_fn(&ParameterInfo::is_head)) - parameters_.begin());
}

std::size_t ParameterCatalogue::layer_of_depth(std::size_t depth) const {
  if (depth == 0) return 0;
  return static_cast<std::size_t>(std::ranges::find(layer_labels_, std::to_string(depth - 1)) - layer_labels_.begin());
}

std::int64_t ParameterCatalogue::backbone_size() const {
  return std::accumulate(parameters_.begin(), parameters_.end(), std::int64_t{0},
                         [](std::int64_t sum, const ParameterInfo& p) { return p.is_head() ? sum : sum + p.size(); });
}

std::int64_t ParameterCatalogue::total_size() const {
  return std::accumulate(parameters_.begin(), parameters_.end(), std::int64_t{0},
                         [](std::int64_t sum, const ParameterInfo& p) { return sum + p.size(); });
}

}  // namespace tunescope
