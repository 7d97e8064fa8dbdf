#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "registry.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"

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
  return find_group_method(name) != nullptr || find_subset_method(name) != nullptr;
}

void refuse_unknown_name(std::string_view name) {
  if (is_method_name(name)) return;
  std::vector<std::string> known;
  for (const ParameterGroup& group : parameter_groups()) known.push_back(group.name);
  for (const SubsetMethod& method : subset_methods()) known.push_back(method.name);
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
  static const std::vector<PartOption> none;
  const SubsetMethod* const subset = find_subset_method(name);
  return subset == nullptr ? none : subset->options;
}

void refuse_unknown_option(const std::string& key, const std::vector<PartOption>& options) {
  std::vector<std::string> known;
  for (const PartOption& option : options) known.push_back(option.name);
  if (std::ranges::find(known, key) != known.end()) return;
  throw ConfigError(fmt::format("unknown option '{}'{}", key, suggest(key, known)));
}

MethodPart parse_part(std::string_view text) {
  const std::string_view name = take_until(':', text);
  const std::vector<PartOption>& options = options_of(name);
  if (options.empty() && !text.empty()) throw ConfigError(fmt::format("'{}' takes no options, found '{}'", name, text));
  MethodPart part{.name = std::string(name)};
  for (const PartOption& option : options) part.options[option.name] = option.default_value;
  while (!text.empty()) {
    std::string_view given = take_until(',', text);
    const std::string key(take_until('=', given));
    refuse_unknown_option(key, options);
    part.options[key] = given;
  }
  for (const PartOption& option : options) {
    std::string& value = part.options.at(option.name);
    if (value.empty()) throw ConfigError(fmt::format("option '{}' needs a value", option.name));
    value = option.spell(value);
  }
  return part;
}

// Two parts of one method are alike, or would choose their scalars alike.
void refuse_repetition(const std::vector<MethodPart>& parts) {
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const MethodPart& part = parts[i];
    if (parts[i - 1].text() == part.text()) {
      throw ConfigError(fmt::format("'{}' stands there twice; leave one out", part.text()));
    }
    if (parts[i - 1].name == part.name && find_subset_method(part.name) != nullptr) {
      throw ConfigError(fmt::format("'{}' may be one part, found two; choose from one pool", part.name));
    }
  }
}

}  // namespace

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
