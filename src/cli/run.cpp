#include <ATen/core/LegacyTypeDispatch.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "tunescope/base/error.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/device/host_memory.hpp"
#include "tunescope/device/libtorch_settings.hpp"

namespace tunescope::cli {
namespace {

bool asks_for_help(int argc, char** argv) {
  return std::any_of(argv, argv + argc, [](const char* argument) {
    return std::string_view(argument) == "--help" || std::string_view(argument) == "-h";
  });
}

ExitStatus dispatch(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (!asks_for_help(argc, argv)) {
    if (command == "sweep") return sweep(argc, argv);
    if (command == "fisher") return fisher(argc, argv);
    if (command == "predict") return predict(argc, argv);
    if (command == "doctor") return doctor(argc, argv);
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
  if (line.command == "export") return export_trials(line);
  if (line.command == "completion") return completion(line);
  help(line.command);  // throws: the command is unknown
  return kWrongInput;
}

}  // namespace

ExitStatus status_of(const std::exception& error) {
  if (dynamic_cast<const NumericalError*>(&error) != nullptr) return kSomeFailed;
  const bool is_wrong_input = dynamic_cast<const ConfigError*>(&error) != nullptr ||
                              dynamic_cast<const DataError*>(&error) != nullptr ||
                              dynamic_cast<const ModelError*>(&error) != nullptr;
  return is_wrong_input ? kWrongInput : kWrongEnvironment;
}

int run(int argc, char** argv) {
  keep_freed_memory();
  prepare_libtorch();
  // Every operation would else pass through the keys of LibTorch's autograd, which nothing here uses.
  const at::AutoDispatchBelowADInplaceOrView without_autograd;
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is an error of the write like a full disk
  try {
    const ExitStatus status = dispatch(argc, argv);
    if (std::fflush(stdout) != 0) throw EnvironmentError("the standard output cannot be written; is its disk full?");
    return status;
  } catch (const std::exception& error) {
    fmt::print(stderr, "tunescope: {}\n", error.what());
    return status_of(error);
  }
}

}  // namespace tunescope::cli
