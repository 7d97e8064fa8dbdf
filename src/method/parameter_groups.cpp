#include <algorithm>

#include "layer_range.hpp"
#include "registry.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"

namespace tunescope {

const PartOption kLayers = {"layers", "", spell_layers};

const std::vector<ParameterGroup>& parameter_groups() {
  static const std::vector<ParameterGroup> table = {
      {"full", "every parameter", [](const ParameterInfo&) { return true; }},
      {"head", "nothing besides the classification head (the control)", [](const ParameterInfo&) { return false; }},
      {"layernorm", "all LayerNorm weights and biases",
       [](const ParameterInfo& parameter) { return parameter.is_layer_norm(); }},
      {"layernorm-weight", "all LayerNorm weights",
       [](const ParameterInfo& parameter) { return parameter.is_layer_norm() && !parameter.is_bias; }},
      {"layernorm-bias", "all LayerNorm biases",
       [](const ParameterInfo& parameter) { return parameter.is_layer_norm() && parameter.is_bias; }},
      {"layernorm-output", "the LayerNorm after each feed-forward block",
       [](const ParameterInfo& parameter) { return parameter.follows == Follows::kFeedForward; }},
      {"layernorm-attention", "the LayerNorm after each attention block",
       [](const ParameterInfo& parameter) { return parameter.follows == Follows::kAttention; }},
      {"bitfit", "every bias (Ben Zaken et al. 2022)",
       [](const ParameterInfo& parameter) { return parameter.is_bias; }},
  };
  return table;
}

const ParameterGroup* find_group_method(std::string_view name) {
  const auto found = std::ranges::find(parameter_groups(), name, &ParameterGroup::name);
  return found == parameter_groups().end() ? nullptr : &*found;
}

const ParameterGroup& find_group(const std::string& name) {
  std::vector<std::string> names = {"all"};
  for (const ParameterGroup& group : parameter_groups()) {
    if (group.name == (name == "all" ? "full" : name)) return group;
    names.push_back(group.name);
  }
  throw ConfigError("unknown pool '" + name + "'" + suggest(name, names));
}

std::vector<bool> group_members(const std::string& group, const ParameterCatalogue& catalogue) {
  const GroupPredicate contains = find_group(group).contains;
  std::vector<bool> is_member;
  for (const ParameterInfo& parameter : catalogue.parameters()) is_member.push_back(contains(parameter));
  return is_member;
}

std::vector<ParameterIndex> group_tensors(const std::string& group, const ParameterCatalogue& catalogue) {
  const auto& [name, description, contains] = find_group(group);
  std::vector<ParameterIndex> tensors;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    const ParameterInfo& info = catalogue[i];
    if (contains(info) && !info.is_head() && !info.is_added) tensors.push_back(i);
  }
  if (tensors.empty() && name != "head") {
    throw ConfigError("'" + name + "' is " + description + ", and the model has none; leave out this method or pool");
  }
  return tensors;
}

std::string canonical_group(const std::string& group) {
  const std::string& name = find_group(group).name;
  if (name == "head") throw ConfigError("pool 'head' has no members besides the head, which always trains");
  return name;
}

}  // namespace tunescope
