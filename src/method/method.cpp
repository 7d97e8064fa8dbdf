#include "tunescope/method/method.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "layer_range.hpp"
#include "registry.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

bool is_chosen_by(const MethodPart& part, ChosenBy decides) {
  const SubsetMethod* const subset = find_subset_method(part.name);
  return subset != nullptr && subset->chosen_by == decides;
}

// What trains whole: the tensors of parts that choose no scalars, the head, and what is added.
Selection select_whole_tensors(const Method& method, const ParameterCatalogue& catalogue) {
  Selection selection(catalogue.size());
  for (const MethodPart& part : method.parts) {
    if (find_group_method(part.name) == nullptr) continue;
    for (const ParameterIndex i : candidate_tensors(part, catalogue)) selection[i].kind = TensorSelection::Kind::kAll;
  }
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (catalogue[i].is_head() || catalogue[i].is_added) selection[i].kind = TensorSelection::Kind::kAll;
  }
  return selection;
}

// What trains whole in one part does in all, and chosen scalars of one tensor are joined.
void add_to(Selection& all, const Selection& chosen) {
  using Kind = TensorSelection::Kind;
  for (ParameterIndex i = 0; i < all.size(); ++i) {
    if (chosen[i].kind == Kind::kNone || all[i].kind == Kind::kAll) continue;
    std::vector<std::int64_t> joined;
    std::ranges::set_union(all[i].indices, chosen[i].indices, std::back_inserter(joined));
    all[i] = {.kind = Kind::kSubset, .indices = std::move(joined)};
  }
}

std::int64_t pool_size(const MethodPart& part, const ParameterCatalogue& catalogue) {
  std::int64_t size = 0;
  for (const ParameterIndex i : candidate_tensors(part, catalogue)) size += catalogue[i].size();
  return size;
}

// A part whose tensors all train whole in others is a mistake, and would be another name for the same method.
void refuse_redundant_parts(const Method& method, const ParameterCatalogue& catalogue) {
  if (method.parts.size() == 1) return;
  for (const MethodPart& part : method.parts) {
    if (find_addition_method(part.name) != nullptr) continue;
    std::vector<bool> is_whole(catalogue.size());
    for (const MethodPart& other : method.parts) {
      if (&other == &part || find_group_method(other.name) == nullptr) continue;
      for (const ParameterIndex i : candidate_tensors(other, catalogue)) is_whole[i] = true;
    }
    if (std::ranges::all_of(candidate_tensors(part, catalogue), [&](ParameterIndex i) { return is_whole[i]; })) {
      throw ConfigError(
          fmt::format("method '{}': '{}' adds nothing to the other parts; leave it out", method.text(), part.text()));
    }
  }
}

// `separator` comes before the first.
std::string spell_defaults(const std::vector<PartOption>& options, std::string_view separator) {
  std::string spelling;
  for (const PartOption& option : options) {
    if (option.default_value.empty()) continue;
    spelling += fmt::format("{}{}={}", spelling.empty() ? separator : ",", option.name, option.default_value);
  }
  return spelling;
}

}  // namespace

std::string MethodPart::text() const {
  std::string text = name;
  for (const auto& [key, value] : options) text += (text.size() == name.size() ? ":" : ",") + key + "=" + value;
  return text;
}

std::string Method::text() const {
  std::string text;
  for (const MethodPart& part : parts) text += (text.empty() ? "" : "+") + part.text();
  return text;
}

bool Method::trains_everything() const {
  return std::ranges::any_of(parts, [](const MethodPart& part) { return part.text() == "full"; });
}

const MethodPart* Method::fisher_part() const {
  const auto found =
      std::ranges::find_if(parts, [](const auto& part) { return is_chosen_by(part, ChosenBy::kFisher); });
  return found == parts.end() ? nullptr : &*found;
}

bool Method::draws_scalars() const {
  return std::ranges::any_of(parts, [](const auto& part) { return is_chosen_by(part, ChosenBy::kSeed); });
}

bool Method::adds_tensors() const {
  return std::ranges::any_of(parts, [](const auto& part) { return find_addition_method(part.name) != nullptr; });
}

std::int64_t TensorSelection::count(std::int64_t size) const {
  switch (kind) {
    case Kind::kNone:
      return 0;
    case Kind::kAll:
      return size;
    case Kind::kSubset:
      return static_cast<std::int64_t>(indices.size());
  }
  return 0;
}

Selection select_parameters(const Method& method, const ParameterCatalogue& catalogue,
                            const SelectionContext& context) {
  refuse_redundant_parts(method, catalogue);
  Selection selection = select_whole_tensors(method, catalogue);
  for (const MethodPart& part : method.parts) {
    const SubsetMethod* const subset = find_subset_method(part.name);
    if (subset != nullptr) add_to(selection, subset->select(part, catalogue, context));
  }
  return selection;
}

Method planning_stand_in(Method method) {
  for (MethodPart& part : method.parts) {
    if (is_chosen_by(part, ChosenBy::kFisher) || is_chosen_by(part, ChosenBy::kPretrained)) part.name = "random";
  }
  return method;
}

Selection planning_stand_in_selection(const Method& method, const ParameterCatalogue& catalogue) {
  refuse_redundant_parts(method, catalogue);
  std::vector<MethodPart> subsets = method.parts;
  std::erase_if(subsets, [](const MethodPart& part) { return find_subset_method(part.name) == nullptr; });
  // A pool within another would have nothing left if the larger one came first.
  std::ranges::stable_sort(subsets, {}, [&](const MethodPart& part) { return pool_size(part, catalogue); });
  Selection selection = select_whole_tensors(method, catalogue);
  for (const MethodPart& part : subsets) add_to(selection, select_from_rest(part, catalogue, selection));
  return selection;
}

std::optional<std::size_t> co_training_group(const Method& method, const ParameterCatalogue& model) {
  const Additions additions = additions_of(method, model);
  const ParameterCatalogue& catalogue = additions.catalogue();
  const Selection selection = planning_stand_in_selection(method, catalogue);
  std::optional<std::size_t> lowest;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    const ParameterInfo& parameter = catalogue[i];
    if (selection[i].kind == TensorSelection::Kind::kNone) continue;
    const bool is_table_or_matrix = !parameter.is_layer_norm() && !parameter.is_bias;
    const bool is_above_encoder = parameter.block == Block::kPooler || parameter.block == Block::kHead;
    if (is_table_or_matrix && !is_above_encoder && !parameter.is_added) return std::nullopt;
    lowest = std::min(lowest.value_or(parameter.layer), parameter.layer);
  }
  return lowest;
}

std::int64_t trainable_count(const Selection& selection, const ParameterCatalogue& catalogue) {
  std::int64_t count = 0;
  for (ParameterIndex i = 0; i < selection.size(); ++i) count += selection[i].count(catalogue[i].size());
  return count;
}

std::int64_t trainable_count(const Method& method, const ParameterCatalogue& model) {
  const Additions additions = additions_of(method, model);
  return trainable_count(planning_stand_in_selection(method, additions.catalogue()), additions.catalogue());
}

std::vector<ParameterIndex> candidate_tensors(const MethodPart& part, const ParameterCatalogue& catalogue) {
  const auto pool = part.options.find("pool");
  const std::vector<ParameterIndex> group =
      group_tensors(pool == part.options.end() ? part.name : pool->second, catalogue);
  const auto layers = part.options.find("layers");
  if (layers == part.options.end()) return group;
  std::vector<ParameterIndex> tensors = tensors_in_layers(group, layers->second, catalogue);
  if (tensors.empty()) throw ConfigError(fmt::format("'{}' has no tensors in this model", part.text()));
  return tensors;
}

std::vector<std::pair<std::string, std::string>> describe_methods() {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const ParameterGroup& group : parameter_groups()) lines.emplace_back(group.name, group.description);
  for (const SubsetMethod& method : subset_methods()) {
    lines.emplace_back(method.name + ":fraction=F" + spell_defaults(method.options, ","), method.description);
  }
  for (const AdditionMethod& method : addition_methods()) {
    lines.emplace_back(method.name + spell_defaults(method.options, ":"), method.description);
  }
  return lines;
}

}  // namespace tunescope
