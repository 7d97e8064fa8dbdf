#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "tunescope/io/file_range_lock.hpp"
#include "tunescope/plan/sweep_spec.hpp"

namespace tunescope {

// Sweeps that share a results folder know of each other by locks on bytes of one file in it, `lock`. Byte 0 stands for
// the folder: a sweep that works alone holds it exclusively, sweeps that share hold it together. Byte 1 stands for the
// Fisher stage, and each trial has a byte of its own, computed from its identifier. The kernel frees the locks of a
// process that ends, so nothing is left behind by a kill.

/// Holds a results folder for one sweep, or for all that share it. The file tells others who holds it.
class FolderLock {
 public:
  /// `clean_up` is called while no other sweep can be at work in the folder, and not at all if one that shares it is.
  /// Throws `ConfigError` naming the owner if another sweep is at work and not both share, `EnvironmentError` if the
  /// file cannot be written.
  FolderLock(const std::filesystem::path& path, FolderUse use, const std::function<void()>& clean_up);

  /// Whether a sweep holds the folder now.
  static bool is_held(const std::filesystem::path& path);

 private:
  FileRangeLock lock_;
};

/// The right to a piece of work in a folder, for as long as this lives. Of all sweeps at work there, and of processes
/// that a killed one may have left behind, only one has it.
class Claim {
 public:
  /// To train a trial; nothing if another has it. `path` is the folder's lock file.
  static std::optional<Claim> try_trial(const std::filesystem::path& path, const std::string& id);
  /// To compute the Fisher information of the folder's jobs.
  static std::optional<Claim> try_fisher_stage(const std::filesystem::path& path);

  static bool is_trial_taken(const std::filesystem::path& path, const std::string& id);

 private:
  explicit Claim(FileRangeLock lock) : lock_(std::move(lock)) {}
  static std::optional<Claim> try_byte(const std::filesystem::path& path, std::int64_t byte);

  FileRangeLock lock_;
};

}  // namespace tunescope
