#pragma once

#include <map>
#include <string>
#include <vector>

#include "tunescope/method/method.hpp"

namespace tunescope {

/// Whether a tensor of the backbone belongs to a parameter group.
using GroupPredicate = bool (*)(const ParameterInfo&);

/// A named set of tensors: the method of that name trains all of it, subset methods choose from it. Job files and
/// messages call it a pool; "group" keeps it apart from BERT's pooler.
struct ParameterGroup {
  std::string name;
  std::string description;
  GroupPredicate contains;
};

/// Every parameter group. Its name is also that of the method that trains it.
const std::vector<ParameterGroup>& parameter_groups();

/// The group of that name. Throws `ConfigError` naming the nearest known group.
const ParameterGroup& find_group(const std::string& name);

/// How a method that trains a subset of a group's scalars is spelled, checked and applied.
struct SubsetMethod {
  std::string name;
  std::string description;
  std::map<std::string, std::string> defaults;  ///< every option; one with an empty default is required
  bool needs_importance = false;                ///< whether `select` reads `SelectionContext::importance`
  Selection (*select)(const Method&, const ParameterCatalogue&, const SelectionContext&) = nullptr;
};

/// Every method that trains a subset of a group's scalars.
const std::vector<SubsetMethod>& subset_methods();

}  // namespace tunescope
