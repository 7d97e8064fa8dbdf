#pragma once

#include <string>
#include <string_view>
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

/// The group of that name that is also a method; null if there is none.
const ParameterGroup* find_group_method(std::string_view name);

/// An option of a part, given as `name=value`.
struct PartOption {
  std::string name;
  std::string default_value;  ///< that the part's text has if the option is not given; empty: the text is without it
  /// The canonical spelling of a value; empty if the text is without it. Throws `ConfigError` if it is not valid.
  std::string (*spell)(const std::string& value) = nullptr;
};

/// Spell values of an option: one of the known ones, or a whole number, 1 or more. Throw `ConfigError` naming the
/// nearest, or the range.
std::string spell_choice(std::string_view option, const std::string& value, const std::vector<std::string>& known);
std::string spell_whole_number(std::string_view option, const std::string& value);

/// The layers to which a part is confined. Every part that trains tensors of the model has it.
extern const PartOption kLayers;

/// What decides which scalars a subset method chooses.
enum class ChosenBy { kSeed, kFisher, kPretrained };

/// How a part that trains a subset of a group's scalars is spelled and applied.
struct SubsetMethod {
  std::string name;
  std::string description;
  std::vector<PartOption> options;
  ChosenBy chosen_by = ChosenBy::kSeed;
  Selection (*select)(const MethodPart&, const ParameterCatalogue&, const SelectionContext&) = nullptr;
};

/// Every method that trains a subset of a group's scalars.
const std::vector<SubsetMethod>& subset_methods();

/// As many scalars as the part of a subset method chooses, or as there are, of those of its pool that are not in
/// `selected`: spread evenly, for plans.
Selection select_from_rest(const MethodPart& part, const ParameterCatalogue& catalogue, const Selection& selected);

/// The subset method of that name; null if there is none.
const SubsetMethod* find_subset_method(std::string_view name);

/// How a part that adds tensors to the model is spelled and applied.
struct AdditionMethod {
  std::string name;
  std::string description;
  std::vector<PartOption> options;
  void (*add)(const MethodPart&, Additions&) = nullptr;
};

AdditionMethod adapter_method();
AdditionMethod ia3_method();
AdditionMethod lora_method();

/// Every method that adds tensors.
const std::vector<AdditionMethod>& addition_methods();

/// The method of that name that adds tensors; null if there is none.
const AdditionMethod* find_addition_method(std::string_view name);

/// The layers of a role (see `linear_targets`). Throws `ConfigError` if the model has none.
std::vector<LinearTarget> targets_of(const std::string& role, const Additions& additions);

}  // namespace tunescope
