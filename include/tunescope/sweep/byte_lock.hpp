#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>

namespace tunescope {

/// A lock on one byte of a file, held until this goes. It is the kernel's, so it goes with the process, however that
/// ends, on any node that shares the filesystem. Bytes need not exist.
class ByteLock {
 public:
  enum class Kind { kShared, kExclusive };

  /// Opens or creates the file; nothing is locked yet. Throws `EnvironmentError` where that fails.
  ByteLock(const std::filesystem::path& path, std::int64_t byte);
  ~ByteLock();
  ByteLock(ByteLock&& other) noexcept
      : path_(std::move(other.path_)), byte_(other.byte_), descriptor_(std::exchange(other.descriptor_, -1)) {}
  ByteLock& operator=(ByteLock&&) = delete;

  /// Locks the byte, or changes the kind of this lock; false where another lock is in the way. Throws
  /// `EnvironmentError` where the filesystem has no locks.
  bool try_lock(Kind kind);

  /// Whether anyone else holds a lock on the byte now; false where there is no such file.
  static bool is_held(const std::filesystem::path& path, std::int64_t byte);

 private:
  std::filesystem::path path_;
  std::int64_t byte_;
  int descriptor_;
};

}  // namespace tunescope
