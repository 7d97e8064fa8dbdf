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

// The number after a word, e.g. "MemAvailable:".
std::optional<double> number_after(const std::filesystem::path& file, const std::string& key) {
  std::ifstream stream(file);
  for (std::string word; stream >> word;) {
    if (double value = 0.0; word == key && stream >> value) return value;
  }
  return std::nullopt;
}

std::optional<double> number_in(const std::filesystem::path& file) {
  std::ifstream stream(file);
  double value = 0.0;
  return stream >> value ? std::optional(value) : std::nullopt;
}

// Pages of files that the kernel gives up where memory is wanted: they count as used by a control group.
double cached_files(const std::filesystem::path& group) {
  const std::filesystem::path file = group / "memory.stat";
  return number_after(file, "inactive_file").value_or(0.0) + number_after(file, "active_file").value_or(0.0);
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
      if (limit && used) left = std::min(left, std::max(0.0, *limit - *used + cached_files(group)));
      if (group == root || !group.has_relative_path()) break;
    }
  }
  return left;
}

}  // namespace

double available_host_memory() {
  constexpr double kKilobyte = 1024.0;
  const std::optional<double> available = number_after("/proc/meminfo", "MemAvailable:");
  return std::min(available ? kKilobyte * *available : std::numeric_limits<double>::infinity(),
                  left_by_control_groups());
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
