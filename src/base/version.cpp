#include "tunescope/base/version.hpp"

#include "git_commit.hpp"

namespace tunescope {

std::string version() { return TUNESCOPE_VERSION; }

std::string git_commit() { return TUNESCOPE_GIT_COMMIT; }

}  // namespace tunescope
