#include "tunescope/cli/value.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <regex>
#include <system_error>

#include "tunescope/base/error.hpp"
#include "tunescope/base/number.hpp"
#include "tunescope/text/deceptive_character.hpp"
#include "tunescope/text/text_file.hpp"
#include "tunescope/text/utf8.hpp"

namespace tunescope::cli {
namespace {

std::string environment_variable(const Value& value, const std::string& name) {
  const bool is_name = !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return c == '_' || (std::isalnum(c) != 0 && c < 0x80);
  });
  if (!is_name) refuse(value, fmt::format("the name of an environment variable in ${{}}, not '{}'", name));
  const char* const variable = std::getenv(name.c_str());
  if (variable == nullptr) refuse(value, fmt::format("the environment variable {} to be set", name));
  return variable;
}

// If a path begins with "~/", the home folder stands for the tilde, as in a shell.
std::string expand_home(const Value& value) {
  if (value.text != "~" && !value.text.starts_with("~/")) return value.text;
  // Earlier versions made a folder of that name, whose results would be forgotten now.
  std::error_code ignored;
  if (std::filesystem::exists("~", ignored)) {
    refuse(value,
           "no folder '~' here, for ~ is the home folder now; move what it holds and remove it with rmdir './~', or "
           "write ./~ to use it");
  }
  return environment_variable(value, "HOME") + value.text.substr(1);
}

std::string expand_variables(const Value& value, std::string_view rest) {
  std::string path;
  for (;;) {
    const std::size_t begin = rest.find("${");
    path += rest.substr(0, begin);
    if (begin == std::string_view::npos) return path;
    const std::size_t end = rest.find('}', begin);
    if (end == std::string_view::npos) refuse(value, "a closing } after ${");
    path += environment_variable(value, std::string(rest.substr(begin + 2, end - begin - 2)));
    rest.remove_prefix(end + 1);
  }
}

// Job files are not read by a shell.
void refuse_shell_syntax(const Value& value) {
  const std::string_view text = value.text;
  for (std::size_t dollar = text.find('$'); dollar != std::string_view::npos; dollar = text.find('$', dollar + 1)) {
    if (!text.substr(dollar).starts_with("${")) {
      refuse(value, "an environment variable in braces, as ${HOME}; nothing else after $ is replaced");
    }
  }
  if (text.front() == '~' && text.size() > 1 && text[1] != '/') {
    refuse(value, "~/ for your own home folder; other users' folders have to be written out");
  }
  std::size_t first_end = 0;
  utf8::decode_next(text, first_end);
  const std::string_view first = text.substr(0, first_end);
  const bool is_quoted = (first == "\"" || first == "'") && text.size() > 1 && text.back() == text.front();
  if (is_quoted || find_deceptive_character(first))
    refuse(value, "a path that begins with what can be typed, without quotes around it");
  if (text.find_first_of("`*?") != std::string_view::npos || text.find("\\ ") != std::string_view::npos) {
    refuse(value, "a path as it is, without wildcards, commands or \\ before blanks: nothing of that name is there");
  }
  if (find_invisible_character(text)) refuse(value, "a path of characters that can be seen");
}

}  // namespace

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

void refuse(const Value& value, std::string_view expected) {
  throw ConfigError(fmt::format("{}: {} = {}: expected {}", value.origin, value.key,
                                value.text.empty() ? "(empty)" : shortened(value.text), expected));
}

std::int64_t parse_integer(const Value& value, std::int64_t smallest) {
  const auto number = to_number<std::int64_t>(value.text);
  if (!number || *number < smallest) refuse(value, fmt::format("a whole number, {} or more", smallest));
  return *number;
}

double parse_number(const Value& value, double smallest, double largest) {
  const auto number = to_number<double>(value.text);
  if (!number || !(*number >= smallest && *number <= largest)) {
    refuse(value, std::isfinite(largest) ? fmt::format("a number from {} to {}", smallest, largest)
                                         : fmt::format("a number, {} or more", smallest));
  }
  return *number;
}

// A method's options are words whose equals sign comes first and that follow its colon:
// "random:pool=bitfit,fraction=0.1 head".
std::vector<std::string> parse_words(const Value& value) {
  std::vector<std::string> words;
  std::string_view rest = value.text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(" \t,"), rest.size());
    const std::string word(rest.substr(0, end));
    const bool follows_comma = !words.empty() && rest.data() != value.text.data() && rest.data()[-1] == ',';
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (word.empty()) continue;
    const bool is_option = word.find('=') < word.find(':');
    if (follows_comma && is_option && words.back().find(':') != std::string::npos) {
      words.back() += "," + word;
    } else {
      words.push_back(word);
    }
  }
  if (words.empty()) refuse(value, "at least one value");
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (std::find(words.begin(), word, *word) != word) refuse(value, fmt::format("'{}' only once", *word));
  }
  return words;
}

std::vector<double> parse_positive_numbers(const Value& value) {
  return parse_list<double>(value, [&](const Value& word) {
    const auto number = to_number<double>(word.text);
    if (!number || !(*number > 0.0) || !std::isfinite(*number)) {
      refuse(value, fmt::format("numbers above 0, not '{}'", word.text));
    }
    return *number;
  });
}

std::vector<std::int64_t> parse_integers(const Value& value, std::int64_t smallest) {
  return parse_list<std::int64_t>(value, [&](const Value& word) { return parse_integer(word, smallest); });
}

std::vector<Method> parse_methods(const Value& value) {
  std::vector<Method> methods;
  for (const std::string& word : parse_words(value)) {
    Method method = at_origin(value, [&] { return parse_method(word); });
    for (const Method& earlier : methods) {
      if (earlier.text() == method.text()) refuse(value, "'" + method.text() + "' only once");
    }
    methods.push_back(std::move(method));
  }
  return methods;
}

ScreeningSpec parse_screening(const Value& value) {
  if (value.text == "off") return {};
  static const std::regex form("seeds:([1-9][0-9]{0,8})[, ]+keep:([1-9][0-9]{0,8})");
  std::smatch numbers;
  if (!std::regex_match(value.text, numbers, form)) {
    refuse(value, "off, or seeds:N,keep:K with whole numbers from 1 on, such as seeds:1,keep:1");
  }
  return {.seeds = std::stoul(numbers[1]), .keep = std::stoul(numbers[2])};
}

std::filesystem::path parse_path(const Value& value, const std::filesystem::path& folder) {
  const std::string given = expand_variables(value, expand_home(value));
  if (given.empty()) refuse(value, "a path");
  std::filesystem::path path = folder / given;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) refuse_shell_syntax(value);
  return path;
}

std::filesystem::path parse_folder(const Value& value) {
  std::filesystem::path path = parse_path(value);
  std::error_code error;
  const std::filesystem::file_type type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::none) refuse(value, "a folder that can be reached (" + error.message() + ")");
  const bool is_free = type == std::filesystem::file_type::not_found;
  if (!is_free && type != std::filesystem::file_type::directory) refuse(value, "a folder, not a file");
  return path;
}

}  // namespace tunescope::cli
