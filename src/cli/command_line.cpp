#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>

#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/base/number.hpp"
#include "tunescope/base/split.hpp"
#include "tunescope/cli/job_file.hpp"
#include "tunescope/cli/job_keys.hpp"
#include "tunescope/cli/value.hpp"

namespace tunescope::cli {
namespace {

namespace po = boost::program_options;

enum class Takes { kNothing, kValue, kNumberOrNothing };

// An option that is no key of a job.
struct OwnOption {
  const char* spelling;       // its name, and behind a comma its letter, if it has one
  std::string_view commands;  // that it belongs to, blank-separated; empty: all
  Takes takes;
  void (*assign)(CommandLine&, const std::string& value);

  std::string_view name() const { return std::string_view(spelling).substr(0, std::string_view(spelling).find(',')); }
  bool belongs_to(std::string_view command) const {
    const std::vector<std::string> all = split(commands, ' ');
    return commands.empty() || std::ranges::find(all, command) != all.end();
  }
};

constexpr double kWatchSeconds = 2.0;  // as often as a sweep writes what it is at work on

constexpr std::array kOwnOptions = {
    OwnOption{"help,h", "", Takes::kNothing, [](CommandLine& line, const std::string&) { line.wants_help = true; }},
    OwnOption{"version,V", "", Takes::kNothing,
              [](CommandLine& line, const std::string&) { line.wants_version = true; }},
    OwnOption{"calibrate", "plan", Takes::kNothing,
              [](CommandLine& line, const std::string&) { line.wants_calibration = true; }},
    OwnOption{"simulate", "plan", Takes::kValue,
              [](CommandLine& line, const std::string& value) {
                line.simulated_devices = parse_integer({"--simulate", value, "command line"}, 1);
              }},
    OwnOption{"json", "plan status doctor", Takes::kNothing,
              [](CommandLine& line, const std::string&) { line.wants_json = true; }},
    OwnOption{"watch", "status", Takes::kNumberOrNothing,
              [](CommandLine& line, const std::string& value) {
                line.watch_seconds =
                    value.empty() ? kWatchSeconds : parse_number({"--watch", value, "command line"}, 0.1, 86400.0);
              }},
    OwnOption{"share", "sweep", Takes::kNothing,
              [](CommandLine& line, const std::string&) { line.wants_share = true; }},
    OwnOption{"reseal", "merge", Takes::kNothing,
              [](CommandLine& line, const std::string&) { line.wants_reseal = true; }},
    OwnOption{"replace", "merge", Takes::kNothing,
              [](CommandLine& line, const std::string&) { line.wants_replacement = true; }},
    OwnOption{"where", "export predict", Takes::kValue,
              [](CommandLine& line, const std::string& value) { line.where = value; }},
    OwnOption{"format", "export", Takes::kValue,
              [](CommandLine& line, const std::string& value) { line.format = value; }},
    OwnOption{"file", "predict", Takes::kValue, [](CommandLine& line, const std::string& value) { line.file = value; }},
    OwnOption{"task", "predict", Takes::kValue, [](CommandLine& line, const std::string& value) { line.task = value; }},
};

const OwnOption* find_own_option(std::string_view name) {
  const auto* const found = std::ranges::find(kOwnOptions, name, &OwnOption::name);
  return found == kOwnOptions.end() ? nullptr : found;
}

po::options_description all_options() {
  po::options_description options;
  for (const OwnOption& option : kOwnOptions) {
    if (option.takes == Takes::kNothing) {
      options.add_options()(option.spelling, "");
    } else {
      options.add_options()(option.spelling, po::value<std::string>(), "");
    }
  }
  for (const std::string& name : option_names()) options.add_options()(name.c_str(), po::value<std::string>(), "");
  return options;
}

// Takes an option whose number is missing, which Boost would refuse.
std::vector<po::option> take_without_number(std::vector<std::string>& words) {
  if (!words[0].starts_with("--")) return {};
  const OwnOption* const own = find_own_option(std::string_view(words[0]).substr(2));
  if (own == nullptr || own->takes != Takes::kNumberOrNothing) return {};
  if (words.size() > 1 && to_number<double>(words[1])) return {};
  words.erase(words.begin());
  return {po::option(std::string(own->name()), {""})};
}

[[noreturn]] void refuse_option(const std::string& option) {
  std::vector<std::string> known;
  for (const OwnOption& own : kOwnOptions) known.push_back("--" + std::string(own.name()));
  for (const JobKey& key : job_keys()) known.push_back("--" + key.name);
  throw ConfigError("unknown option '" + option + "'" + suggest(option, known));
}

void refuse_option_of_another_command(const std::vector<const OwnOption*>& given, const std::string& command) {
  for (const OwnOption* option : given) {
    if (option->belongs_to(command)) continue;
    throw ConfigError(fmt::format("--{} belongs to tunescope {}, not to {}", option->name(),
                                  fmt::join(split(option->commands, ' '), ", "), command));
  }
}

}  // namespace

std::vector<std::string> own_options_of(std::string_view command) {
  std::vector<std::string> options;
  for (const OwnOption& own : kOwnOptions) {
    if (own.belongs_to(command)) options.push_back("--" + std::string(own.name()));
  }
  return options;
}

CommandLine parse_command_line(int argc, char** argv) {
  const po::options_description options = all_options();
  using Style = po::command_line_style::style_t;
  const int style = Style::unix_style & ~Style::allow_guessing;
  CommandLine result;
  std::vector<const OwnOption*> given;
  try {
    const auto parsed =
        po::command_line_parser(argc, argv).options(options).style(style).extra_style_parser(take_without_number).run();
    for (const auto& option : parsed.options) {
      if (const OwnOption* const own = find_own_option(option.string_key)) {
        own->assign(result, option.value.empty() ? "" : option.value.front());
        given.push_back(own);
      } else if (!option.string_key.empty()) {
        result.overrides.emplace_back(option.string_key, option.value.front());
      } else if (result.command.empty()) {
        result.command = option.value.front();
      } else {
        result.arguments.push_back(option.value.front());
      }
    }
  } catch (const po::unknown_option& error) {
    refuse_option(error.get_option_name());
  } catch (const po::error& error) {
    throw ConfigError(error.what());
  }
  refuse_option_of_another_command(given, result.command);
  return result;
}

}  // namespace tunescope::cli
