#include <spdlog/fmt/fmt.h>

#include <string_view>

#include "tunescope/cli/commands.hpp"
#include "tunescope/error.hpp"

namespace tunescope::cli {
namespace {

ExitStatus dispatch(int argc, char** argv) {
  const bool is_sweep = argc > 1 && std::string_view(argv[1]) == "sweep";
  if (is_sweep) {
    bool wants_help = false;
    for (int i = 2; i < argc; ++i) {
      const std::string_view argument = argv[i];
      wants_help = wants_help || argument == "--help" || argument == "-h";
    }
    if (!wants_help) return sweep(argc, argv);
  }
  const CommandLine line = parse_command_line(argc, argv);
  if (line.wants_version) {
    fmt::print("{}", version_text());
    return kAllDone;
  }
  if (line.wants_help || line.command.empty()) {
    fmt::print("{}", help(line.command));
    return line.wants_help ? kAllDone : kWrongInput;
  }
  if (line.command == "plan") return plan(line);
  if (line.command == "status") return status(line);
  if (line.command == "merge") return merge(line);
  if (line.command == "demo") return demo(line);
  if (line.command == "tokenize") return tokenize(line);
  help(line.command);  // throws: the command is unknown
  return kWrongInput;
}

}  // namespace

ExitStatus status_of(const std::exception& error) {
  const bool is_wrong_input = dynamic_cast<const ConfigError*>(&error) != nullptr ||
                              dynamic_cast<const DataError*>(&error) != nullptr ||
                              dynamic_cast<const ModelError*>(&error) != nullptr;
  return is_wrong_input ? kWrongInput : kWrongEnvironment;
}

int run(int argc, char** argv) {
  try {
    return dispatch(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "tunescope: {}\n", error.what());
    return status_of(error);
  }
}

}  // namespace tunescope::cli
