#include "cli/single_job.hpp"

#include <spdlog/fmt/fmt.h>

#include "tunescope/base/error.hpp"

namespace tunescope::cli {

SweepSpec parse_single_job(const CommandLine& line) {
  if (line.arguments.size() != 1) {
    throw ConfigError(fmt::format("tunescope {0} takes one job file, found {1}; see tunescope {0} --help", line.command,
                                  line.arguments.size()));
  }
  SweepSpec spec = read_job(line.arguments.front(), line.overrides);
  if (line.wants_share) spec.folder_use = FolderUse::kShared;
  return spec;
}

}  // namespace tunescope::cli
