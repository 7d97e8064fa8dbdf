#include <algorithm>
#include <boost/program_options.hpp>

#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/cli/job_file.hpp"
#include "tunescope/cli/job_keys.hpp"
#include "tunescope/cli/value.hpp"

namespace tunescope::cli {
namespace {

namespace po = boost::program_options;

po::options_description all_options() {
  po::options_description options;
  options.add_options()("help,h", "")("version,V", "")("calibrate", "")("simulate", po::value<std::string>(), "")(
      "share", "")("reseal", "")("replace", "");
  for (const JobKey& key : job_keys()) options.add_options()(key.option_name().c_str(), po::value<std::string>(), "");
  return options;
}

[[noreturn]] void refuse_option(const std::string& option) {
  std::vector<std::string> known = {"--help",  "--version", "--calibrate", "--simulate",
                                    "--share", "--reseal",  "--replace"};
  for (const JobKey& key : job_keys()) known.push_back("--" + key.name);
  throw ConfigError("unknown option '" + option + "'" + suggest(option, known));
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
  const po::options_description options = all_options();
  using Style = po::command_line_style::style_t;
  const int style = Style::unix_style & ~Style::allow_guessing;
  CommandLine result;
  try {
    const auto parsed = po::command_line_parser(argc, argv).options(options).style(style).run();
    for (const auto& option : parsed.options) {
      if (option.string_key == "help") {
        result.wants_help = true;
      } else if (option.string_key == "version") {
        result.wants_version = true;
      } else if (option.string_key == "calibrate") {
        result.wants_calibration = true;
      } else if (option.string_key == "share") {
        result.wants_share = true;
      } else if (option.string_key == "reseal") {
        result.wants_reseal = true;
      } else if (option.string_key == "replace") {
        result.wants_replacement = true;
      } else if (option.string_key == "simulate") {
        result.simulated_devices = parse_integer({"--simulate", option.value.front(), "command line"}, 1);
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
  const bool is_for_plan = result.wants_calibration || result.simulated_devices > 0;
  if (is_for_plan && result.command != "plan") {
    throw ConfigError("--calibrate and --simulate belong to tunescope plan, not to " + result.command);
  }
  if (result.wants_share && result.command != "sweep") {
    throw ConfigError("--share belongs to tunescope sweep, not to " + result.command);
  }
  if ((result.wants_reseal || result.wants_replacement) && result.command != "merge") {
    throw ConfigError("--reseal and --replace belong to tunescope merge, not to " + result.command);
  }
  return result;
}

}  // namespace tunescope::cli
