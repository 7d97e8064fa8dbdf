#pragma once

#include <filesystem>

namespace tunescope {

/// Holds a results folder for one sweep. The lock is the kernel's, so it goes with the process, however that ends; the
/// file tells others who holds it.
class FolderLock {
 public:
  /// Throws `ConfigError` naming the owner where another process holds the lock, `EnvironmentError` where the file
  /// cannot be written.
  explicit FolderLock(const std::filesystem::path& path);
  ~FolderLock();

  /// Whether a process holds the lock at this path now.
  static bool is_held(const std::filesystem::path& path);
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace tunescope
