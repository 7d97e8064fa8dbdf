#include "tunescope/device/host_memory.hpp"

#include <malloc.h>

#include <limits>

namespace tunescope {

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);  // other arenas cannot grow beyond 64 MiB
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace tunescope
