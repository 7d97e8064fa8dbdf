#include "tunescope/data/demo.hpp"

#include <spdlog/fmt/fmt.h>

#include "tunescope/base/error.hpp"
#include "tunescope/cli/commands.hpp"

namespace tunescope::cli {

ExitStatus demo(const CommandLine& line) {
  if (line.arguments.size() != 1)
    throw ConfigError("tunescope demo takes the folder to write; see tunescope demo --help");
  const std::string& folder = line.arguments.front();
  write_demo(folder, {});
  fmt::print("synthetic GLUE, 8 tasks: {}\n", folder);
  return kAllDone;
}

}  // namespace tunescope::cli
