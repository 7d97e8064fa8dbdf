#pragma once

#include <string>
#include <vector>

namespace tunescope::cli {

/// Which limits of this process (`ulimit`) a sweep would run into, each with the remedy.
std::vector<std::string> process_limit_problems();

}  // namespace tunescope::cli
