#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>

#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/base/split.hpp"
#include "tunescope/cli/job_file.hpp"
#include "tunescope/cli/job_keys.hpp"
#include "tunescope/cli/value.hpp"

namespace tunescope::cli {
namespace {

namespace po = boost::program_options;

// An option that is no key of a job.
struct OwnOption {
  const char* spelling;       // its name, and behind a comma its letter, if it has one
  std::string_view commands;  // that it belongs to, blank-separated; empty: all
  bool takes_value;
  void (*assign)(CommandLine&, const std::string& value);

  std::string_view name() const { return std::string_view(spelling).substr(0, std::string_view(spelling).find(',')); }
};

constexpr std::array kOwnOptions = {
    OwnOption{"help,h", "", false, [](CommandLine& line, const std::string&) { line.wants_help = true; }},
    OwnOption{"version,V", "", false, [](CommandLine& line, const std::string&) { line.wants_version = true; }},
    OwnOption{"calibrate", "plan", false, [](CommandLine& line, const std::string&) { line.wants_calibration = true; }},
    OwnOption{"simulate", "plan", true,
              [](CommandLine& line, const std::string& value) {
                line.simulated_devices = parse_integer({"--simulate", value, "command line"}, 1);
              }},
    OwnOption{"share", "sweep", false, [](CommandLine& line, const std::string&) { line.wants_share = true; }},
    OwnOption{"reseal", "merge", false, [](CommandLine& line, const std::string&) { line.wants_reseal = true; }},
    OwnOption{"replace", "merge", false, [](CommandLine& line, const std::string&) { line.wants_replacement = true; }},
    OwnOption{"where", "export predict", true, [](CommandLine& line, const std::string& value) { line.where = value; }},
    OwnOption{"format", "export", true, [](CommandLine& line, const std::string& value) { line.format = value; }},
    OwnOption{"file", "predict", true, [](CommandLine& line, const std::string& value) { line.file = value; }},
    OwnOption{"task", "predict", true, [](CommandLine& line, const std::string& value) { line.task = value; }},
};

const OwnOption* find_own_option(std::string_view name) {
  const auto* const found = std::ranges::find(kOwnOptions, name, &OwnOption::name);
  return found == kOwnOptions.end() ? nullptr : found;
}

po::options_description all_options() {
  po::options_description options;
  for (const OwnOption& option : kOwnOptions) {
    if (option.takes_value) {
      options.add_options()(option.spelling, po::value<std::string>(), "");
    } else {
      options.add_options()(option.spelling, "");
    }
  }
  for (const JobKey& key : job_keys()) options.add_options()(key.option_name().c_str(), po::value<std::string>(), "");
  return options;
}

[[noreturn]] void refuse_option(const std::string& option) {
  std::vector<std::string> known;
  for (const OwnOption& own : kOwnOptions) known.push_back("--" + std::string(own.name()));
  for (const JobKey& key : job_keys()) known.push_back("--" + key.name);
  throw ConfigError("unknown option '" + option + "'" + suggest(option, known));
}

void refuse_option_of_another_command(const std::vector<const OwnOption*>& given, const std::string& command) {
  for (const OwnOption* option : given) {
    const std::vector<std::string> commands = split(option->commands, ' ');
    if (option->commands.empty() || std::ranges::find(commands, command) != commands.end()) continue;
    throw ConfigError(
        fmt::format("--{} belongs to tunescope {}, not to {}", option->name(), fmt::join(commands, " and "), command));
  }
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
  const po::options_description options = all_options();
  using Style = po::command_line_style::style_t;
  const int style = Style::unix_style & ~Style::allow_guessing;
  CommandLine result;
  std::vector<const OwnOption*> given;
  try {
    const auto parsed = po::command_line_parser(argc, argv).options(options).style(style).run();
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
