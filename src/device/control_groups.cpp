#include "tunescope/device/control_groups.hpp"

#include <algorithm>
#include <fstream>
#include <string>

namespace tunescope {
namespace {

bool has_word(std::string_view list, std::string_view word) {
  return ("," + std::string(list) + ",").find("," + std::string(word) + ",") != std::string::npos;
}

void append_with_those_above(std::vector<ControlGroup>& groups, const std::filesystem::path& mount,
                             const std::string& path, int version) {
  for (std::filesystem::path group = mount / path;; group = group.parent_path()) {
    groups.push_back({group, version});
    if (group == mount || !group.has_relative_path()) return;
  }
}

// Nothing if the group has no limit: "max" in version 2, -1 in version 1.
std::optional<double> quota_of(const ControlGroup& group) {
  double microseconds = 0.0;  // of processor time, in each period
  double period = 0.0;
  if (group.version == 2) {
    std::ifstream(group.folder / "cpu.max") >> microseconds >> period;
  } else {
    std::ifstream(group.folder / "cpu.cfs_quota_us") >> microseconds;
    std::ifstream(group.folder / "cpu.cfs_period_us") >> period;
  }
  return microseconds > 0.0 && period > 0.0 ? std::optional(microseconds / period) : std::nullopt;
}

}  // namespace

// A line of /proc/self/cgroup is ID:CONTROLLERS:PATH. In version 2, CONTROLLERS is empty.
std::vector<ControlGroup> control_groups(std::string_view controller, const std::filesystem::path& root) {
  const std::filesystem::path mount = root / "sys/fs/cgroup";
  std::vector<ControlGroup> groups;
  std::ifstream stream(root / "proc/self/cgroup");
  for (std::string line; std::getline(stream, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(":/", first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 2);
    if (names.empty()) append_with_those_above(groups, mount, path, 2);
    if (has_word(names, controller)) append_with_those_above(groups, mount / controller, path, 1);
  }
  return groups;
}

std::optional<double> core_quota(const std::filesystem::path& root) {
  std::optional<double> quota;
  for (const ControlGroup& group : control_groups("cpu", root)) {
    if (const auto own = quota_of(group)) quota = std::min(quota.value_or(*own), *own);
  }
  return quota;
}

}  // namespace tunescope
