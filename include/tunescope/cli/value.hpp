#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/base/error.hpp"
#include "tunescope/plan/sweep_spec.hpp"

namespace tunescope::cli {

/// A key's value and where it was given: "jobs/rte-cola.cfg:12" or "option --train.epochs".
struct Value {
  std::string key;
  std::string text;
  std::string origin;
  int precedence = 0;  ///< of the job file; those of files that it includes are lower, of options higher
};

/// A text without the blanks around it.
std::string trimmed(std::string_view text);

/// Throws `ConfigError`: origin, key, what was found and what was expected.
[[noreturn]] void refuse(const Value& value, std::string_view expected);

/// The result of `parse`, a deeper parser, whose errors get the place where the value was given.
template <typename Parse>
auto at_origin(const Value& value, Parse parse) {
  try {
    return parse();
  } catch (const ConfigError& error) {
    throw ConfigError(value.origin + ": " + value.key + ": " + error.what());
  }
}

/// A whole number from `smallest` on.
std::int64_t parse_integer(const Value& value, std::int64_t smallest);
/// A number in [smallest, largest].
double parse_number(const Value& value, double smallest, double largest);
/// The words of a list, separated by blanks or commas; a comma that stands in a method's options does not separate.
/// Throws if it is empty or has a word twice.
std::vector<std::string> parse_words(const Value& value);
/// The values of a list, each once, however it is written: "1" and "1.0" are equal. `parse` takes one word.
template <typename Number, typename Parse>
std::vector<Number> parse_list(const Value& value, Parse parse) {
  std::vector<Number> numbers;
  for (const std::string& word : parse_words(value)) {
    const Number number = parse(Value{value.key, word, value.origin});
    if (std::find(numbers.begin(), numbers.end(), number) != numbers.end()) refuse(value, "'" + word + "' only once");
    numbers.push_back(number);
  }
  return numbers;
}
/// The methods of a list, each once, however it is written.
std::vector<Method> parse_methods(const Value& value);
/// The numbers of a list, each above 0.
std::vector<double> parse_positive_numbers(const Value& value);
/// The numbers of a list, as `parse_integer`.
std::vector<std::int64_t> parse_integers(const Value& value, std::int64_t smallest);
/// "off" or "seeds:N,keep:K", each number from 1 on.
ScreeningSpec parse_screening(const Value& value);
/// A path, with "~/" at its beginning and ${VARIABLE} replaced from the environment. What a shell would replace or take
/// off ($VARIABLE, `command`, *, quotes, ~user), and what nobody sees, is refused unless the path exists. A relative
/// path starts at `folder`, by default the working directory.
std::filesystem::path parse_path(const Value& value, const std::filesystem::path& folder = {});
/// The path of a folder that may still have to be made: nothing else may be in its place.
std::filesystem::path parse_folder(const Value& value);

}  // namespace tunescope::cli
