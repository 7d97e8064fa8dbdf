#pragma once

#include <string>

namespace tunescope {

/// Tunescope's version, such as "0.1.0".
std::string version();

/// The commit this binary was built from, with "-dirty" if the checkout had changes; "unknown" outside git.
std::string git_commit();

}  // namespace tunescope
