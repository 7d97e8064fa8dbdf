#include "registry.hpp"
#include "tunescope/error.hpp"
#include "tunescope/nearest.hpp"

namespace tunescope {

const std::vector<Pool>& pools() {
  static const std::vector<Pool> table = {
      {"full", "every parameter", [](const ParameterInfo&) { return true; }},
      {"head", "nothing beside the classification head (the control)", [](const ParameterInfo&) { return false; }},
      {"layernorm", "all LayerNorm weights and biases",
       [](const ParameterInfo& parameter) { return parameter.is_layer_norm(); }},
      {"layernorm-output", "the LayerNorm after each feed-forward block",
       [](const ParameterInfo& parameter) {
         return parameter.is_layer_norm() && parameter.block == Block::kFeedForward;
       }},
      {"layernorm-attention", "the LayerNorm after each attention block",
       [](const ParameterInfo& parameter) {
         return parameter.is_layer_norm() && parameter.block == Block::kAttention;
       }},
      {"bitfit", "every bias (Ben Zaken et al. 2022)",
       [](const ParameterInfo& parameter) { return parameter.is_bias; }},
  };
  return table;
}

const Pool& find_pool(const std::string& name) {
  std::vector<std::string> names = {"all"};
  for (const Pool& pool : pools()) {
    if (pool.name == (name == "all" ? "full" : name)) return pool;
    names.push_back(pool.name);
  }
  throw ConfigError("unknown pool '" + name + "'" + suggest(name, names));
}

std::vector<bool> group_members(const std::string& pool, const ParameterCatalogue& catalogue) {
  const PoolPredicate contains = find_pool(pool).contains;
  std::vector<bool> is_member;
  for (const ParameterInfo& parameter : catalogue.parameters()) is_member.push_back(contains(parameter));
  return is_member;
}

std::vector<ParameterIndex> group_tensors(const std::string& pool, const ParameterCatalogue& catalogue) {
  const PoolPredicate contains = find_pool(pool).contains;
  std::vector<ParameterIndex> tensors;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (contains(catalogue[i]) && !catalogue[i].is_head()) tensors.push_back(i);
  }
  return tensors;
}

std::string canonical_group(const std::string& pool) {
  const std::string& name = find_pool(pool).name;
  if (name == "head") throw ConfigError("pool 'head' has no members beside the head, which always trains");
  return name;
}

}  // namespace tunescope
