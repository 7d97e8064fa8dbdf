#include "cli/display/warnings.hpp"

#include <spdlog/fmt/fmt.h>

#include <cstdio>

namespace tunescope::cli {

void print_warning(const std::string& message) { fmt::print(stderr, "warning: {}\n", message); }

void print_warnings(const std::vector<PlannedTrial>& trials) {
  for (const PlannedTrial& planned : trials) {
    if (!planned.stored.warning.empty()) print_warning(planned.stored.warning);
  }
}

void print_warnings(const std::vector<PlannedFisher>& runs) {
  for (const PlannedFisher& planned : runs) {
    if (!planned.warning.empty()) print_warning(planned.warning);
  }
}

}  // namespace tunescope::cli
