#pragma once

#include <exception>
#include <span>
#include <string>
#include <string_view>

#include "tunescope/base/exit_status.hpp"
#include "tunescope/cli/job_file.hpp"

namespace tunescope::cli {

/// Runs the program; never throws. The result is the process's exit status.
int run(int argc, char** argv);

/// The exit status that an exception means.
ExitStatus status_of(const std::exception& error);

// The commands. Each throws as the library does; `sweep`, `fisher`, `predict` and `doctor` alone use MPI.
ExitStatus plan(const CommandLine& line);
ExitStatus status(const CommandLine& line);
ExitStatus merge(const CommandLine& line);
ExitStatus demo(const CommandLine& line);
ExitStatus tokenize(const CommandLine& line);
ExitStatus export_trials(const CommandLine& line);
ExitStatus completion(const CommandLine& line);
/// *Collective.* Takes the unparsed arguments, so that a wrong option is reported once and not by every rank.
ExitStatus sweep(int argc, char** argv);
/// *Collective.* As `sweep`.
ExitStatus fisher(int argc, char** argv);
/// *Collective.* As `sweep`.
ExitStatus predict(int argc, char** argv);
/// *Collective.* As `sweep`.
ExitStatus doctor(int argc, char** argv);

/// A command as its help tells of it.
struct CommandHelp {
  std::string_view name;
  std::string_view usage;
  std::string_view summary;
  bool has_job;  ///< whether it takes the keys of a job as options
};
std::span<const CommandHelp> all_commands();

/// Text of `--help`, for one command or for the program.
std::string help(const std::string& command);
/// Text of `--version`.
std::string version_text();

}  // namespace tunescope::cli
