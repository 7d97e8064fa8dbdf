#include "tunescope/base/hostname.hpp"

#include <unistd.h>

namespace tunescope {

std::string hostname() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace tunescope
