#include "tunescope/method/method.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "registry.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"

namespace tunescope {
namespace {

const SubsetMethod* find_subset_method(std::string_view name) {
  const auto& table = subset_methods();
  const auto found = std::find_if(table.begin(), table.end(), [&](const auto& method) { return method.name == name; });
  return found == table.end() ? nullptr : &*found;
}

bool is_group_method(std::string_view name) {
  return std::any_of(parameter_groups().begin(), parameter_groups().end(),
                     [&](const ParameterGroup& group) { return group.name == name; });
}

[[noreturn]] void refuse_name(std::string_view name) {
  std::vector<std::string> names;
  for (const ParameterGroup& group : parameter_groups()) names.push_back(group.name);
  for (const SubsetMethod& method : subset_methods()) names.push_back(method.name);
  throw ConfigError(fmt::format("unknown method '{}'{}", name, suggest(name, names)));
}

// Checks that a fraction is in (0, 1] and returns its shortest spelling, so that 0.20 and 0.2 are the same method.
std::string canonical_fraction(std::string_view method, const std::string& text) {
  double fraction = 0.0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), fraction);
  if (error != std::errc{} || stop != text.data() + text.size() || !(fraction > 0.0 && fraction <= 1.0)) {
    throw ConfigError(
        fmt::format("method '{}': fraction must be a number above 0 and at most 1, not '{}'", method, text));
  }
  return fmt::format("{}", fraction);
}

void check_scope(std::string_view method, const std::string& scope) {
  const std::vector<std::string> known = {"task", "union", "leave-one-out"};
  if (std::find(known.begin(), known.end(), scope) != known.end()) return;
  throw ConfigError(fmt::format("method '{}': unknown scope '{}'{}", method, scope, suggest(scope, known)));
}

std::map<std::string, std::string> parse_options(std::string_view method, std::string_view text,
                                                 const SubsetMethod& description) {
  std::map<std::string, std::string> options = description.defaults;
  while (!text.empty()) {
    const std::string_view option = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), option.size() + 1));
    const std::size_t equals = option.find('=');
    const std::string key(option.substr(0, equals));
    if (!options.contains(key)) {
      std::vector<std::string> known;
      for (const auto& [name, value] : description.defaults) known.push_back(name);
      throw ConfigError(fmt::format("method '{}': unknown option '{}'{}", method, key, suggest(key, known)));
    }
    options[key] = equals == std::string_view::npos ? "" : std::string(option.substr(equals + 1));
  }
  for (const auto& [key, value] : options) {
    if (value.empty()) throw ConfigError(fmt::format("method '{}': option '{}' needs a value", method, key));
  }
  return options;
}

}  // namespace

bool Method::needs_fisher() const {
  const SubsetMethod* description = find_subset_method(name);
  return description != nullptr && description->needs_importance;
}

std::string Method::text() const {
  if (options.empty()) return name;
  std::vector<std::string> parts;
  for (const auto& [key, value] : options) parts.push_back(key + "=" + value);
  return fmt::format("{}:{}", name, fmt::join(parts, ","));
}

Method parse_method(std::string_view text) {
  const std::string_view name = text.substr(0, text.find(':'));
  const std::string_view options = text.substr(std::min(text.size(), name.size() + 1));
  if (is_group_method(name)) {
    if (text.size() > name.size()) {
      throw ConfigError(fmt::format("method '{}' takes no options, found '{}'", name, options));
    }
    return {.name = std::string(name), .options = {}};
  }
  const SubsetMethod* description = find_subset_method(name);
  if (description == nullptr) refuse_name(name);
  Method method{.name = std::string(name), .options = parse_options(text, options, *description)};
  method.options["fraction"] = canonical_fraction(text, method.options.at("fraction"));
  try {
    method.options["pool"] = canonical_group(method.options.at("pool"));
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("method '{}': {}", text, error.what()));
  }
  if (method.options.contains("scope")) check_scope(text, method.options.at("scope"));
  return method;
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
  Selection selection(catalogue.size());
  if (const SubsetMethod* subset = find_subset_method(method.name)) {
    selection = subset->select(method, catalogue, context);
  } else {
    for (const ParameterIndex i : group_tensors(method.name, catalogue))
      selection[i].kind = TensorSelection::Kind::kAll;
  }
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (catalogue[i].is_head()) selection[i].kind = TensorSelection::Kind::kAll;
  }
  return selection;
}

Method planning_stand_in(Method method) {
  if (method.needs_fisher()) method.name = "random";
  return method;
}

Selection planning_stand_in_selection(const Method& method, const ParameterCatalogue& catalogue) {
  return select_parameters(planning_stand_in(method), catalogue, {});
}

std::optional<std::size_t> co_training_group(const Method& method, const ParameterCatalogue& catalogue) {
  const Selection selection = planning_stand_in_selection(method, catalogue);
  std::optional<std::size_t> lowest;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    const ParameterInfo& parameter = catalogue[i];
    if (selection[i].kind == TensorSelection::Kind::kNone) continue;
    const bool is_table_or_matrix = !parameter.is_layer_norm() && !parameter.is_bias;
    const bool is_above_encoder = parameter.block == Block::kPooler || parameter.block == Block::kHead;
    if (is_table_or_matrix && !is_above_encoder) return std::nullopt;
    lowest = std::min(lowest.value_or(parameter.layer), parameter.layer);
  }
  return lowest;
}

std::int64_t trainable_count(const Selection& selection, const ParameterCatalogue& catalogue) {
  std::int64_t count = 0;
  for (ParameterIndex i = 0; i < selection.size(); ++i) count += selection[i].count(catalogue[i].size());
  return count;
}

std::vector<std::pair<std::string, std::string>> describe_methods() {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const ParameterGroup& group : parameter_groups()) lines.emplace_back(group.name, group.description);
  for (const SubsetMethod& method : subset_methods()) {
    std::string spelling = method.name + ":";
    for (const auto& [key, value] : method.defaults) {
      spelling += (spelling.ends_with(':') ? "" : ",") + key + "=" + (value.empty() ? "F" : value);
    }
    lines.emplace_back(spelling, method.description);
  }
  return lines;
}

}  // namespace tunescope
