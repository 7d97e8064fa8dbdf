#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace tunescope {

/// A control group that this process belongs to, with which batch systems and containers limit what it may use.
struct ControlGroup {
  std::filesystem::path folder;
  int version = 2;
};

/// The control groups of a controller, such as "memory", from the innermost to the outermost, of versions 1 and 2.
/// `root` replaces "/" in tests.
std::vector<ControlGroup> control_groups(std::string_view controller, const std::filesystem::path& root = "/");

/// How many cores' worth of time the control groups leave to this process, whatever cores it may use; nothing if they
/// do not limit that.
std::optional<double> core_quota(const std::filesystem::path& root = "/");

}  // namespace tunescope
