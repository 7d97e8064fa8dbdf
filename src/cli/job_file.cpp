#include "tunescope/cli/job_file.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "tunescope/cli/job_keys.hpp"
#include "tunescope/error.hpp"
#include "tunescope/nearest.hpp"

namespace tunescope::cli {
namespace {

namespace po = boost::program_options;

std::string trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

std::vector<std::string> known_sections() {
  std::vector<std::string> sections;
  for (const JobKey& key : job_keys()) {
    const std::string section = key.name.substr(0, key.name.find('.'));
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
  const std::string nearest = nearest_name(key, known);
  throw ConfigError(fmt::format("{}: unknown key '{}'; did you mean '{}'?", origin, key, nearest));
}

// The line of each key, for messages: Boost's parser does not tell where a value came from. Refuses what Boost would
// report without a line.
std::map<std::string, std::size_t> locate_keys(const std::string& text, const std::filesystem::path& path) {
  std::map<std::string, std::size_t> lines;
  const std::vector<std::string> sections = known_sections();
  std::istringstream stream(text);
  std::string section;
  std::string line;
  for (std::size_t number = 1; std::getline(stream, line); ++number) {
    const std::string content = trim(std::string_view(line).substr(0, line.find('#')));
    const std::string origin = fmt::format("{}:{}", path.string(), number);
    if (content.empty()) continue;
    if (content.front() == '[' && content.back() == ']') {
      section = content.substr(1, content.size() - 2);
      if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
        throw ConfigError(fmt::format("{}: unknown section [{}]; did you mean [{}]?", origin, section,
                                      nearest_name(section, sections)));
      }
      continue;
    }
    const std::size_t equals = content.find('=');
    if (equals == std::string::npos) {
      throw ConfigError(fmt::format("{}: '{}' is neither a [section] nor 'key = value'", origin, content));
    }
    const std::string key = (section.empty() ? "" : section + ".") + trim(content.substr(0, equals));
    const auto [earlier, is_new] = lines.emplace(key, number);
    if (!is_new) {
      throw ConfigError(fmt::format("{}: key '{}' was already given in line {}", origin, key, earlier->second));
    }
  }
  return lines;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) throw ConfigError(path.string() + ": no such job file");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Value> parse_file(const std::string& text, const std::filesystem::path& path) {
  const auto lines = locate_keys(text, path);
  po::options_description options;
  for (const JobKey& key : job_keys()) options.add_options()(key.name.c_str(), po::value<std::string>(), "");
  std::vector<Value> values;
  try {
    std::istringstream stream(text);
    for (const auto& option : po::parse_config_file(stream, options, true).options) {
      const auto line = lines.find(option.string_key);
      const std::string origin =
          line == lines.end() ? path.string() : fmt::format("{}:{}", path.string(), line->second);
      if (option.unregistered) refuse_key(option.string_key, origin);
      values.push_back({option.string_key, option.value.empty() ? "" : option.value.front(), origin});
    }
  } catch (const po::error& error) {
    throw ConfigError(path.string() + ": " + error.what());
  }
  return values;
}

// The job as it was run, where options have changed the file: every value that was given, by section.
std::string render(const std::vector<Value>& values) {
  std::string text;
  std::string section;
  for (const JobKey& key : job_keys()) {
    const auto given = std::find_if(values.rbegin(), values.rend(), [&](const Value& v) { return v.key == key.name; });
    if (given == values.rend()) continue;
    const std::size_t dot = key.name.find('.');
    const std::string key_section = dot == std::string::npos ? "" : key.name.substr(0, dot);
    if (key_section != section) text += fmt::format("\n[{}]\n", key_section);
    section = key_section;
    text += fmt::format("{} = {}\n", dot == std::string::npos ? key.name : key.name.substr(dot + 1), given->text);
  }
  return text;
}

}  // namespace

SweepSpec read_job(const std::filesystem::path& path,
                   const std::vector<std::pair<std::string, std::string>>& overrides) {
  const std::string text = read_text(path);
  std::vector<Value> values = parse_file(text, path);
  for (const auto& [key, value] : overrides) values.push_back({key, trim(value), "option --" + key});
  SweepSpec spec;
  for (const JobKey& key : job_keys()) {
    const auto given = std::find_if(values.rbegin(), values.rend(), [&](const Value& v) { return v.key == key.name; });
    if (given == values.rend() && key.default_value.empty()) {
      throw ConfigError(fmt::format("{}: key '{}' is missing: {}", path.string(), key.name, key.help));
    }
    key.assign(spec, given == values.rend() ? Value{key.name, key.default_value, "default"} : *given);
  }
  spec.job_text = overrides.empty() ? text : render(values);
  return spec;
}

}  // namespace tunescope::cli
