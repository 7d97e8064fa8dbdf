#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tunescope/plan/sweep_spec.hpp"

namespace tunescope::cli {

/// A command line, taken apart: `tunescope COMMAND ARGUMENT... [--section.key value ...]`.
struct CommandLine {
  std::string command;
  std::vector<std::string> arguments;  ///< what follows the command, options and their values excluded
  std::vector<std::pair<std::string, std::string>> overrides;  ///< job keys given as options
  bool wants_calibration = false;                              ///< of `plan`
  std::int64_t simulated_devices = 0;                          ///< of `plan`; 0 = none
  bool wants_json = false;                                     ///< of `plan`, `status` and `doctor`
  std::optional<double> watch_seconds;                         ///< of `status`: between two looks
  bool wants_share = false;                                    ///< of `sweep`
  bool wants_reseal = false;                                   ///< of `merge`
  bool wants_replacement = false;                              ///< of `merge`
  std::optional<std::string> where;                            ///< of `export` and `predict`; see `TrialFilter`
  std::string format = "transformers";                         ///< of `export`
  std::optional<std::string> file, task;                       ///< of `predict`
  bool wants_help = false;
  bool wants_version = false;
};

/// Throws `ConfigError` if an option is unknown (naming the nearest known one) or lacks its value.
CommandLine parse_command_line(int argc, char** argv);

/// The options of a command that are no keys of a job, such as "--calibrate".
std::vector<std::string> own_options_of(std::string_view command);

/// Reads a job file and applies the options. Throws `ConfigError` naming file, line, key and remedy.
SweepSpec read_job(const std::filesystem::path& path,
                   const std::vector<std::pair<std::string, std::string>>& overrides);

}  // namespace tunescope::cli
