#include "tunescope/device/host_memory.hpp"

#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include "device/kernel_file.hpp"
#include "tunescope/base/environment_number.hpp"
#include "tunescope/device/control_groups.hpp"

namespace tunescope {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kKilobyte = 1024.0;

// The files of a memory controller. A control group counts cached pages of files as used, although the kernel drops
// them when memory is needed; `cached` names their counts.
struct MemoryFiles {
  const char* limit;
  const char* used;
  const char* cached[2];
};
constexpr MemoryFiles kVersion2{"memory.max", "memory.current", {"inactive_file", "active_file"}};
constexpr MemoryFiles kVersion1{
    "memory.limit_in_bytes", "memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}};

// A group without a limit has "max" in version 2, which is no number, and a number larger than any memory in version 1.
double left_by_control_groups(const std::filesystem::path& root) {
  double left = kInfinity;
  for (const auto& [folder, version] : control_groups("memory", root)) {
    const MemoryFiles& files = version == 2 ? kVersion2 : kVersion1;
    const std::optional<double> limit = number_in(folder / files.limit);
    const std::optional<double> used = number_in(folder / files.used);
    if (!limit || !used) continue;
    double cached = 0.0;
    for (const char* key : files.cached) cached += number_after(folder / "memory.stat", key).value_or(0.0);
    left = std::min(left, std::max(0.0, *limit - *used + cached));
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
