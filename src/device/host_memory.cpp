#include "tunescope/device/host_memory.hpp"

#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace tunescope {
namespace {

// The number after a word at the start of a line, e.g. "MemAvailable:", in kB.
double kilobytes_of(const std::string& file, const std::string& key) {
  std::ifstream stream(file);
  for (std::string word; stream >> word;) {
    if (double value = 0.0; word == key && stream >> value) return value;
  }
  return std::numeric_limits<double>::infinity();
}

std::optional<double> number_in(const std::filesystem::path& file) {
  std::ifstream stream(file);
  double value = 0.0;
  return stream >> value ? std::optional(value) : std::nullopt;
}

// What the control groups (version 2) from this process's own up to the root leave; "max" is no number.
double left_by_control_groups() {
  double left = std::numeric_limits<double>::infinity();
  std::ifstream stream("/proc/self/cgroup");
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with("0::/")) continue;
    const std::filesystem::path root = "/sys/fs/cgroup";
    for (std::filesystem::path group = root / line.substr(4);; group = group.parent_path()) {
      const std::optional<double> limit = number_in(group / "memory.max");
      const std::optional<double> used = number_in(group / "memory.current");
      if (limit && used) left = std::min(left, std::max(0.0, *limit - *used));
      if (group == root || !group.has_relative_path()) break;
    }
  }
  return left;
}

}  // namespace

double available_host_memory() {
  return std::min(1024.0 * kilobytes_of("/proc/meminfo", "MemAvailable:"), left_by_control_groups());
}

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);  // other arenas cannot grow beyond 64 MiB
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace tunescope
