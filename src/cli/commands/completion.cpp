#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>

#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/job_keys.hpp"

namespace tunescope::cli {
namespace {

// Bash completes file names where the function offers nothing.
constexpr std::string_view kScript = R"(_tunescope() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} offered=
  if ((COMP_CWORD == 1)); then
    offered="{0}"
  else
    case ${{COMP_WORDS[1]}} in
{1}    esac
  fi
  COMPREPLY=($(compgen -W "$offered" -- "$word"))
}}
complete -o default -F _tunescope tunescope
)";
constexpr std::string_view kBashInZsh = "autoload -U +X bashcompinit && bashcompinit\n";

std::string case_of(const CommandHelp& command, const std::vector<std::string>& job_options) {
  std::vector<std::string> options = own_options_of(command.name);
  if (command.has_job) options.insert(options.end(), job_options.begin(), job_options.end());
  return fmt::format("      {}) [[ $word == -* ]] && offered=\"{}\" ;;\n", command.name, fmt::join(options, " "));
}

std::string bash_script() {
  std::vector<std::string> job_options;
  for (const JobKey& key : job_keys()) {
    if (!key.is_pattern()) job_options.push_back("--" + key.name);
  }
  std::vector<std::string> first_words = own_options_of("");
  std::string cases;
  for (const CommandHelp& command : all_commands()) {
    first_words.emplace_back(command.name);
    cases += case_of(command, job_options);
  }
  return fmt::format(kScript, fmt::join(first_words, " "), cases);
}

}  // namespace

ExitStatus completion(const CommandLine& line) {
  const std::vector<std::string> shells = {"bash", "zsh"};
  if (line.arguments.size() != 1) {
    throw ConfigError(fmt::format("tunescope completion takes a shell, {}; see tunescope completion --help",
                                  fmt::join(shells, " or ")));
  }
  const std::string& shell = line.arguments.front();
  if (std::ranges::find(shells, shell) == shells.end()) {
    throw ConfigError(
        fmt::format("tunescope completion does not know the shell '{}'{}", shell, suggest(shell, shells)));
  }
  fmt::print("{}{}", shell == "zsh" ? kBashInZsh : "", bash_script());
  return kAllDone;
}

}  // namespace tunescope::cli
