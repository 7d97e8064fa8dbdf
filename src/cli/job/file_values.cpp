#include "file_values.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "own_task_keys.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/cli/job_keys.hpp"
#include "tunescope/text/deceptive_character.hpp"
#include "tunescope/text/text_file.hpp"

namespace tunescope::cli {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kOwnTaskSection = "[task ";

// With their brackets.
std::vector<std::string> known_sections() {
  std::vector<std::string> sections = {"[task NAME]"};
  for (const JobKey& key : job_keys()) {
    const std::string section = "[" + key.name.substr(0, key.name.find('.')) + "]";
    if (key.name.find('.') != std::string::npos && !key.name.starts_with(kOwnTask) &&
        std::find(sections.begin(), sections.end(), section) == sections.end()) {
      sections.push_back(section);
    }
  }
  return sections;
}

// Names of sections and keys are plain; what stands beside them was pasted from elsewhere and cannot be seen.
void refuse_deceptive_name(const std::string& name, const std::string& origin) {
  if (const auto character = find_deceptive_character(name)) {
    throw ConfigError(fmt::format("{}: '{}' holds {}; type the line again", origin, name, *character));
  }
}

// The beginning of its keys.
std::string parse_section(const std::string& content, const std::string& origin) {
  refuse_deceptive_name(content, origin);
  if (content.starts_with(kOwnTaskSection)) {
    return std::string(kOwnTask) +
           trimmed(content.substr(kOwnTaskSection.size(), content.size() - kOwnTaskSection.size() - 1));
  }
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
    const std::string content = trimmed(line->substr(0, line->find('#')));
    const std::string origin = fmt::format("{}:{}", path.string(), lines.number());
    if (!content.empty() && content.front() == '[' && content.back() == ']') {
      section = parse_section(content, origin);
      keys.text += "[" + section + "]\n";
      continue;
    }
    keys.text += content + "\n";
    if (content.empty()) continue;
    const std::size_t equals = content.find('=');
    if (equals == std::string::npos) {
      refuse_deceptive_name(content, origin);
      throw ConfigError(fmt::format("{}: '{}' is neither a [section] nor 'key = value'", origin, shortened(content)));
    }
    const std::string name = trimmed(content.substr(0, equals));
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

// A job file without those that it includes.
struct ParsedFile {
  std::filesystem::path path;
  std::string text;
  std::vector<Value> values;
  std::optional<Value> include;
};

ParsedFile parse_file(const std::filesystem::path& path) {
  ParsedFile file{.path = path, .text = read_job_text(path), .values = {}, .include = {}};
  const auto [plain_text, lines] = locate_keys(file.text, path);
  po::options_description options;
  options.add_options()(std::string(kInclude).c_str(), po::value<std::string>(), "");
  for (const std::string& name : option_names()) options.add_options()(name.c_str(), po::value<std::string>(), "");
  try {
    std::istringstream stream(plain_text);
    for (const auto& option : po::parse_config_file(stream, options, true).options) {
      const std::string key = canonical_key(option.string_key, path.string());
      const auto line = lines.find(key);
      const std::string origin =
          line == lines.end() ? path.string() : fmt::format("{}:{}", path.string(), line->second);
      const Value value{key, option.value.empty() ? "" : option.value.front(), origin};
      if (key == kInclude) {
        file.include = value;
        continue;
      }
      if (key.ends_with("." + std::string(kInclude))) {
        throw ConfigError(fmt::format("{}: unknown key '{}'; 'include' stands above the first [section]", origin, key));
      }
      refuse_unknown_key(value);
      file.values.push_back(value);
    }
  } catch (const po::error& error) {
    throw ConfigError(path.string() + ": " + error.what());
  }
  return file;
}

bool is_same_file(const std::filesystem::path& left, const std::filesystem::path& right) {
  std::error_code ignored;
  return std::filesystem::equivalent(left, right, ignored);
}

// The file that the last one of a chain of inclusions includes.
ParsedFile parse_included(const std::vector<ParsedFile>& chain) {
  const Value& include = *chain.back().include;
  const std::filesystem::path path = parse_path(include, chain.back().path.parent_path());
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    refuse(include,
           fmt::format("a job file, by its path from the folder of this one; there is no file {}", path.string()));
  }
  if (std::ranges::any_of(chain, [&](const ParsedFile& file) { return is_same_file(file.path, path); })) {
    std::string circle;
    for (const ParsedFile& file : chain) circle += file.path.string() + " -> ";
    refuse(include, fmt::format("a file that does not lead back to itself: {}{}", circle, path.string()));
  }
  return parse_file(path);
}

}  // namespace

FileValues read_file_values(const std::filesystem::path& path) {
  std::vector<ParsedFile> chain = {parse_file(path)};
  while (chain.back().include) chain.push_back(parse_included(chain));
  FileValues result{.text = chain.front().text, .is_whole = chain.size() == 1, .values = {}};
  for (std::size_t depth = chain.size(); depth-- > 0;) {
    for (Value& value : chain[depth].values) {
      value.precedence = -static_cast<int>(depth);
      result.values.push_back(std::move(value));
    }
  }
  return result;
}

}  // namespace tunescope::cli
