#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace tunescope {

/// What a filesystem is, and what it has room for.
struct Filesystem {
  std::string type = "unknown";               ///< as the kernel names it: "ext4", "nfs4", "lustre"
  double free_bytes = 0.0;                    ///< for users who are not root
  std::optional<std::uint64_t> free_files{};  ///< nothing if their number has no limit of its own
};

/// The filesystem that a file or folder is on. Throws `EnvironmentError` if it cannot be asked.
Filesystem filesystem_of(const std::filesystem::path& path);

}  // namespace tunescope
