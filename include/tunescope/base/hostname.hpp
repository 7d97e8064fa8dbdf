#pragma once

#include <string>

namespace tunescope {

/// This machine's name, as `hostname` prints it.
std::string hostname();

}  // namespace tunescope
