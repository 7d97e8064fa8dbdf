#include <algorithm>
#include <string>

#include "method/registry.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {

const std::vector<AdditionMethod>& addition_methods() {
  static const std::vector<AdditionMethod> table = {adapter_method(), ia3_method(), lora_method()};
  return table;
}

const AdditionMethod* find_addition_method(std::string_view name) {
  const auto found = std::ranges::find(addition_methods(), name, &AdditionMethod::name);
  return found == addition_methods().end() ? nullptr : &*found;
}

std::vector<LinearTarget> targets_of(const std::string& role, const Additions& additions) {
  std::vector<LinearTarget> targets = linear_targets(additions.catalogue(), role);
  if (targets.empty()) throw ConfigError("the model has no layer '" + role + "' to add to; leave out this method");
  return targets;
}

Additions additions_of(const Method& method, const ParameterCatalogue& model) {
  Additions additions(model);
  for (const MethodPart& part : method.parts) {
    if (const AdditionMethod* const adding = find_addition_method(part.name)) adding->add(part, additions);
  }
  return additions;
}

}  // namespace tunescope
