#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>

namespace tunescope {

/// A lock on one byte of a file, held until this is destroyed. The kernel holds it for the process, so it ends with the
/// process however that ends, and it counts on every node that shares the filesystem. The byte need not exist.
class FileRangeLock {
 public:
  enum class Kind { kShared, kExclusive };

  /// Opens or creates the file; nothing is locked yet. Throws `EnvironmentError` if that fails.
  FileRangeLock(const std::filesystem::path& path, std::int64_t byte);
  ~FileRangeLock();
  FileRangeLock(FileRangeLock&& other) noexcept
      : path_(std::move(other.path_)), byte_(other.byte_), descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileRangeLock& operator=(FileRangeLock&&) = delete;

  /// Locks the byte, or changes the kind of this lock; false if another lock is in the way. Throws `EnvironmentError`
  /// if the filesystem has no locks.
  bool try_lock(Kind kind);

  /// Whether anyone else holds a lock on the byte now; false if there is no such file.
  static bool is_held(const std::filesystem::path& path, std::int64_t byte);

 private:
  std::filesystem::path path_;
  std::int64_t byte_;
  int descriptor_;
};

}  // namespace tunescope
