#include "tunescope/cli/job_file.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/cli/job_keys.hpp"
#include "tunescope/text/deceptive_character.hpp"
#include "tunescope/text/text_file.hpp"

namespace tunescope::cli {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kOptionOrigin = "option --";  // of a value of the command line; the key follows

std::string trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

// With their brackets.
std::vector<std::string> known_sections() {
  std::vector<std::string> sections;
  for (const JobKey& key : job_keys()) {
    const std::string section = "[" + key.name.substr(0, key.name.find('.')) + "]";
    if (key.name.find('.') != std::string::npos &&
        std::find(sections.begin(), sections.end(), section) == sections.end()) {
      sections.push_back(section);
    }
  }
  return sections;
}

[[noreturn]] void refuse_key(const std::string& key, const std::string& origin) {
  std::vector<std::string> known;
  for (const JobKey& job_key : job_keys()) known.push_back(job_key.name);
  throw ConfigError(fmt::format("{}: unknown key '{}'{}", origin, key, suggest(key, known)));
}

// Names of sections and keys are plain; what stands beside them was pasted from elsewhere and cannot be seen.
void refuse_deceptive_name(const std::string& name, const std::string& origin) {
  if (const auto character = find_deceptive_character(name)) {
    throw ConfigError(fmt::format("{}: '{}' holds {}; type the line again", origin, name, *character));
  }
}

std::string parse_section(const std::string& content, const std::string& origin) {
  refuse_deceptive_name(content, origin);
  const std::vector<std::string> sections = known_sections();
  if (std::find(sections.begin(), sections.end(), content) == sections.end()) {
    throw ConfigError(fmt::format("{}: unknown section {}{}", origin, content, suggest(content, sections)));
  }
  return content.substr(1, content.size() - 2);
}

// A text of which all has been read that Boost's parser would report without a line, or take for part of a line.
struct LocatedKeys {
  std::string text;                          ///< every line with its content alone, ended by LF
  std::map<std::string, std::size_t> lines;  ///< of each `canonical_key`: the parser does not tell a value's line
};

LocatedKeys locate_keys(const std::string& text, const std::filesystem::path& path) {
  LocatedKeys keys;
  std::string section;
  LineReader lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    const std::string content = trim(line->substr(0, line->find('#')));
    const std::string origin = fmt::format("{}:{}", path.string(), lines.number());
    keys.text += content + "\n";
    if (content.empty()) continue;
    if (content.front() == '[' && content.back() == ']') {
      section = parse_section(content, origin);
      continue;
    }
    const std::size_t equals = content.find('=');
    if (equals == std::string::npos) {
      refuse_deceptive_name(content, origin);
      throw ConfigError(fmt::format("{}: '{}' is neither a [section] nor 'key = value'", origin, shortened(content)));
    }
    const std::string name = trim(content.substr(0, equals));
    refuse_deceptive_name(name, origin);
    const std::string key = canonical_key((section.empty() ? "" : section + ".") + name, origin);
    const auto [earlier, is_new] = keys.lines.emplace(key, lines.number());
    if (!is_new) {
      throw ConfigError(fmt::format("{}: key '{}' was already given in line {}", origin, key, earlier->second));
    }
  }
  return keys;
}

// The text is stored with the results as UTF-8, so it has to be that.
std::string read_job_text(const std::filesystem::path& path) {
  try {
    std::string text = read_text(path, "job file");
    refuse_damage(text, path);
    return text;
  } catch (const DataError& error) {
    throw ConfigError(error.what());
  }
}

std::vector<Value> parse_file(const std::string& text, const std::filesystem::path& path) {
  const auto [plain_text, lines] = locate_keys(text, path);
  po::options_description options;
  for (const JobKey& key : job_keys()) options.add_options()(key.option_name().c_str(), po::value<std::string>(), "");
  std::vector<Value> values;
  try {
    std::istringstream stream(plain_text);
    for (const auto& option : po::parse_config_file(stream, options, true).options) {
      const std::string key = canonical_key(option.string_key, path.string());
      const auto line = lines.find(key);
      const std::string origin =
          line == lines.end() ? path.string() : fmt::format("{}:{}", path.string(), line->second);
      if (option.unregistered) refuse_key(key, origin);
      values.push_back({key, option.value.empty() ? "" : option.value.front(), origin});
    }
  } catch (const po::error& error) {
    throw ConfigError(path.string() + ": " + error.what());
  }
  return values;
}

// What was given for a key: one value, or one for each method. The last one counts, so that options replace the file's.
std::vector<Value> given_values(const JobKey& key, const std::vector<Value>& values) {
  std::vector<Value> given;
  for (const Value& value : values) {
    if (!key.takes(value)) continue;
    std::erase_if(given, [&](const Value& earlier) { return earlier.key == value.key; });
    given.push_back(value);
  }
  return given;
}

// The job as it was run, where options have changed the file: every value that was given, by section.
std::string render(const std::vector<Value>& values) {
  std::string text;
  std::string section;
  for (const JobKey& key : job_keys()) {
    for (const Value& given : given_values(key, values)) {
      const std::size_t dot = given.key.find('.');
      const std::string key_section = dot == std::string::npos ? "" : given.key.substr(0, dot);
      if (key_section != section) text += fmt::format("\n[{}]\n", key_section);
      section = key_section;
      text += fmt::format("{} = {}\n", dot == std::string::npos ? given.key : given.key.substr(dot + 1), given.text);
    }
  }
  return text;
}

Value value_of_option(const std::string& key, const std::string& text) {
  const std::string origin = std::string(kOptionOrigin) + key;
  if (const auto damage = find_damage(text)) {
    throw ConfigError(fmt::format("{}: {}; it is stored with the results: give a value, or rename the path, in UTF-8",
                                  origin, *damage));
  }
  return {canonical_key(key, origin), trim(text), origin};
}

// If a refused value holds characters that nobody sees, they are the likely reason.
void assign(const JobKey& key, const Value& value, SweepSpec& spec) {
  try {
    key.assign(spec, value);
  } catch (const ConfigError& error) {
    const auto character = find_deceptive_character(value.text);
    if (!character) throw;
    throw ConfigError(fmt::format("{}; the value holds {}: type it again", error.what(), *character));
  }
}

// Of the job's methods and, if the job says that Fisher information is computed, of the training that it measures.
std::set<std::string> trained_kinds(const SweepSpec& spec, const std::vector<Value>& values) {
  std::set<std::string> kinds;
  for (const Method& method : spec.methods) kinds.insert(method.kind());
  const bool is_measured =
      std::ranges::any_of(spec.methods, [](const Method& method) { return method.fisher_part() != nullptr; }) ||
      std::ranges::any_of(values, [](const Value& value) { return value.key.starts_with("fisher."); });
  if (is_measured) kinds.insert(spec.fisher.at.kind());
  return kinds;
}

bool is_option(const Value& value) { return value.origin.starts_with(kOptionOrigin); }

// Learning rates of a method that is not trained are refused, but for those in the file if options replace its methods:
// they are left out.
void settle_rates_of_untrained_methods(SweepSpec& spec, std::vector<Value>& values) {
  const std::set<std::string> trained = trained_kinds(spec, values);
  const bool are_methods_replaced =
      std::ranges::any_of(values, [](const Value& value) { return value.key == "sweep.methods" && is_option(value); });
  std::erase_if(values, [&](const Value& value) {
    if (!value.key.starts_with(kLearningRatesOf)) return false;
    const std::string kind = value.key.substr(kLearningRatesOf.size());
    if (trained.contains(kind)) return false;
    if (!are_methods_replaced || is_option(value)) {
      throw ConfigError(
          fmt::format("{}: {}: the job does not train '{}', only {}; add it to [sweep] methods, or leave out the key",
                      value.origin, value.key, kind, fmt::join(trained, ", ")));
    }
    spec.learning_rates_of_kind.erase(kind);
    return true;
  });
}

// A job of the cache's name would lose its results when somebody clears the cache.
void refuse_cache_as_job_folder(const SweepSpec& spec) {
  const bool is_same = (spec.job_folder() / "").lexically_normal() == (spec.cache_folder / "").lexically_normal();
  if (!is_same || std::filesystem::exists(spec.job_folder() / "trials")) return;
  throw ConfigError(
      fmt::format("name = {}: its results would lie in the folder of tokenized data, {}; choose another "
                  "name, or another folder with [data] cache",
                  spec.name, spec.cache_folder.string()));
}

}  // namespace

SweepSpec read_job(const std::filesystem::path& path,
                   const std::vector<std::pair<std::string, std::string>>& overrides) {
  const std::string text = read_job_text(path);
  std::vector<Value> values = parse_file(text, path);
  for (const auto& [key, value] : overrides) values.push_back(value_of_option(key, value));
  SweepSpec spec;
  for (const JobKey& key : job_keys()) {
    std::vector<Value> given = given_values(key, values);
    if (given.empty() && !key.is_of_each_method()) {
      if (key.default_value.empty()) {
        throw ConfigError(fmt::format("{}: key '{}' is missing: {}", path.string(), key.name, key.help));
      }
      given.push_back({key.name, key.default_value, "default"});
    }
    for (const Value& value : given) assign(key, value, spec);
  }
  settle_rates_of_untrained_methods(spec, values);
  refuse_cache_as_job_folder(spec);
  spec.job_text = overrides.empty() ? text : render(values);
  return spec;
}

}  // namespace tunescope::cli
