#include "tunescope/device/host_memory.hpp"

#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "device/kernel_file.hpp"
#include "tunescope/base/environment_number.hpp"

namespace tunescope {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kKilobyte = 1024.0;

// The files of a memory controller. A control group counts cached pages of files as used, although the kernel drops
// them when memory is needed; `cached` names their counts.
struct Controller {
  std::filesystem::path root;
  const char* limit;
  const char* used;
  const char* cached[2];
};

// What a control group and those above it leave. A group without a limit has "max" in version 2, which is no number,
// and a number larger than any memory in version 1.
double left_by(const Controller& controller, const std::string& group_path) {
  double left = kInfinity;
  for (std::filesystem::path group = controller.root / group_path;; group = group.parent_path()) {
    const std::optional<double> limit = number_in(group / controller.limit);
    const std::optional<double> used = number_in(group / controller.used);
    if (limit && used) {
      double cached = 0.0;
      for (const char* key : controller.cached) cached += number_after(group / "memory.stat", key).value_or(0.0);
      left = std::min(left, std::max(0.0, *limit - *used + cached));
    }
    if (group == controller.root || !group.has_relative_path()) return left;
  }
}

bool has_word(std::string_view list, std::string_view word) {
  return ("," + std::string(list) + ",").find("," + std::string(word) + ",") != std::string::npos;
}

// A line of /proc/self/cgroup is ID:CONTROLLERS:PATH. In version 2, CONTROLLERS is empty.
double left_by_control_groups(const std::filesystem::path& root) {
  const std::filesystem::path mount = root / "sys/fs/cgroup";
  const Controller version_2{mount, "memory.max", "memory.current", {"inactive_file", "active_file"}};
  const Controller version_1{
      mount / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}};
  double left = kInfinity;
  std::ifstream stream(root / "proc/self/cgroup");
  for (std::string line; std::getline(stream, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(":/", first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 2);
    if (names.empty()) left = std::min(left, left_by(version_2, path));
    if (has_word(names, "memory")) left = std::min(left, left_by(version_1, path));
  }
  return left;
}

// Slurm gives memory in MiB; 0 means all of the node's.
double limit_of_slurm() {
  constexpr double kMebibyte = 1024.0 * 1024.0;
  if (const auto node = positive_number_of("SLURM_MEM_PER_NODE")) return kMebibyte * static_cast<double>(*node);
  const std::optional<std::int64_t> of_core = positive_number_of("SLURM_MEM_PER_CPU");
  const std::optional<std::int64_t> cores = positive_number_of("SLURM_CPUS_ON_NODE");
  return of_core && cores ? kMebibyte * static_cast<double>(*of_core) * static_cast<double>(*cores) : kInfinity;
}

}  // namespace

double available_host_memory(const std::filesystem::path& root) {
  const double available = kKilobyte * number_after(root / "proc/meminfo", "MemAvailable:").value_or(kInfinity);
  const double all = kKilobyte * number_after(root / "proc/meminfo", "MemTotal:").value_or(kInfinity);
  double left = left_by_control_groups(root);
  if (left >= all) {  // no control group has a limit
    const double own = kKilobyte * number_after(root / "proc/self/status", "VmRSS:").value_or(0.0);
    left = std::max(0.0, limit_of_slurm() - own);
  }
  return std::min(available, left);
}

std::int64_t peak_host_memory(const std::filesystem::path& root) {
  return static_cast<std::int64_t>(kKilobyte * number_after(root / "proc/self/status", "VmHWM:").value_or(0.0));
}

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);  // arenas other than the main one cannot grow beyond 64 MiB
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace tunescope
