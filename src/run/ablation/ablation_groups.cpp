#include "tunescope/run/ablation/ablation_groups.hpp"

#include "tunescope/base/error.hpp"

namespace tunescope {

std::vector<Method> ablation_groups(const SweepSpec& spec) {
  if (spec.ablation.groups.empty()) return {};
  std::vector<Method> groups = {parse_method("head")};
  groups.insert(groups.end(), spec.ablation.groups.begin(), spec.ablation.groups.end());
  return groups;
}

void check_ablation(const SweepSpec& spec, SweepInputs& inputs) {
  const ParameterCatalogue& catalogue = inputs.catalogue(spec.find_task(spec.tasks.front()));
  for (const Method& group : spec.ablation.groups) {
    try {
      select_parameters(group, catalogue, {.seed = 1, .importance = {}, .pretrained = inputs.model().backbone});
    } catch (const ConfigError& error) {
      throw ConfigError(std::string("[ablation] groups: ") + error.what());
    }
  }
}

}  // namespace tunescope
