#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>
#include <set>

#include "registry.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/base/number.hpp"

namespace tunescope {
namespace {

// What stands before a colon.
std::string_view name_of(std::string_view part) { return part.substr(0, part.find(':')); }

// Takes the text up to a separator, and the separator, off the beginning of `text`.
std::string_view take_until(char separator, std::string_view& text) {
  const std::string_view piece = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), piece.size() + 1));
  return piece;
}

bool is_method_name(std::string_view name) {
  return find_group_method(name) != nullptr || find_subset_method(name) != nullptr ||
         find_addition_method(name) != nullptr;
}

void refuse_unknown_name(std::string_view name) {
  if (is_method_name(name)) return;
  std::vector<std::string> known;
  for (const ParameterGroup& group : parameter_groups()) known.push_back(group.name);
  for (const SubsetMethod& method : subset_methods()) known.push_back(method.name);
  for (const AdditionMethod& method : addition_methods()) known.push_back(method.name);
  throw ConfigError(fmt::format("unknown method '{}'{}", name, suggest(name, known)));
}

std::vector<std::string> split_parts(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::string_view piece = text.substr(begin, text.find('+', begin) - begin);
    begin += piece.size() + 1;
    const bool has_option_before = !parts.empty() && parts.back().find(':') != std::string::npos;
    if (has_option_before && !is_method_name(name_of(piece))) {
      parts.back().append("+").append(piece);
    } else {
      refuse_unknown_name(name_of(piece));
      parts.emplace_back(piece);
    }
  }
  return parts;
}

const std::vector<PartOption>& options_of(std::string_view name) {
  static const std::vector<PartOption> of_groups = {kLayers};
  if (const SubsetMethod* const subset = find_subset_method(name)) return subset->options;
  if (const AdditionMethod* const adding = find_addition_method(name)) return adding->options;
  return of_groups;
}

const PartOption& find_option(std::string_view name, const std::vector<PartOption>& options) {
  const auto found = std::ranges::find(options, name, &PartOption::name);
  if (found != options.end()) return *found;
  std::vector<std::string> known;
  for (const PartOption& option : options) known.push_back(option.name);
  throw ConfigError(fmt::format("unknown option '{}'{}", name, suggest(name, known)));
}

void refuse_wrong_size(const MethodPart& part) {
  if (find_subset_method(part.name) == nullptr) return;
  if (part.options.contains("fraction") != part.options.contains("scalars")) return;
  throw ConfigError(fmt::format(
      "'{}' needs either fraction, a share of its pool as in fraction=0.2, or scalars, a number as in scalars=1000",
      part.name));
}

MethodPart parse_part(std::string_view text) {
  MethodPart part{.name = std::string(take_until(':', text))};
  const std::vector<PartOption>& options = options_of(part.name);
  if (options.empty() && !text.empty()) {
    throw ConfigError(fmt::format("'{}' takes no options, found '{}'", part.name, text));
  }
  for (const PartOption& option : options) {
    if (!option.default_value.empty()) part.options[option.name] = option.default_value;
  }
  while (!text.empty()) {
    std::string_view value = take_until(',', text);
    const PartOption& option = find_option(take_until('=', value), options);
    if (value.empty()) throw ConfigError(fmt::format("option '{}' needs a value", option.name));
    const std::string spelling = option.spell(std::string(value));
    if (spelling.empty()) {
      part.options.erase(option.name);
    } else {
      part.options[option.name] = spelling;
    }
  }
  refuse_wrong_size(part);
  return part;
}

// Two parts of one method are alike, or would choose their scalars alike, or add tensors of the same names.
void refuse_repetition(const std::vector<MethodPart>& parts) {
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const MethodPart& part = parts[i];
    if (parts[i - 1].text() == part.text()) {
      throw ConfigError(fmt::format("'{}' stands there twice; leave one out", part.text()));
    }
    if (parts[i - 1].name == part.name && find_group_method(part.name) == nullptr) {
      throw ConfigError(fmt::format("'{}' may be one part, found two; leave one out", part.name));
    }
  }
}

std::string join(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : "+") + name;
  return text;
}

}  // namespace

std::string spell_choice(std::string_view option, const std::string& value, const std::vector<std::string>& known) {
  if (std::ranges::find(known, value) != known.end()) return value;
  throw ConfigError(fmt::format("unknown {} '{}'{}", option, value, suggest(value, known)));
}

std::string spell_whole_number(std::string_view option, const std::string& value) {
  const std::optional<std::int64_t> number = to_number<std::int64_t>(value);
  if (number && *number >= 1) return fmt::format("{}", *number);
  throw ConfigError(fmt::format("{} must be a whole number, 1 or more, not '{}'", option, value));
}

std::string Method::kind() const {
  std::set<std::string> names;
  for (const MethodPart& part : parts) names.insert(part.name);
  return join(names);
}

std::string parse_kind(std::string_view text) {
  std::set<std::string> names;
  for (const std::string& part : split_parts(text)) {
    refuse_unknown_name(part);  // with options, it is none
    names.insert(part);
  }
  return join(names);
}

Method parse_method(std::string_view text) {
  Method method;
  const std::vector<std::string> parts = split_parts(text);
  try {
    for (const std::string& part : parts) method.parts.push_back(parse_part(part));
    std::ranges::sort(method.parts, {}, &MethodPart::text);
    refuse_repetition(method.parts);
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("method '{}': {}", text, error.what()));
  }
  return method;
}

}  // namespace tunescope
