#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "tunescope/sweep/byte_lock.hpp"

namespace tunescope {

/// Whether a sweep lets others work in its results folder at the same time.
enum class FolderUse { kAlone, kShared };

/// Holds a results folder for one sweep, or for all that share it. The file tells others who holds it.
class FolderLock {
 public:
  /// `clean_up` is called while nobody else can be at work in the folder, and not at all where a sweep that shares it
  /// is. Throws `ConfigError` naming the owner where another sweep is at work and not both share, `EnvironmentError`
  /// where the file cannot be written.
  FolderLock(const std::filesystem::path& path, FolderUse use, const std::function<void()>& clean_up);

  /// Whether a sweep holds the folder now.
  static bool is_held(const std::filesystem::path& path);

 private:
  ByteLock lock_;
};

/// The right to a piece of work in a folder, for as long as this lives: of the sweeps at work there, and of what a
/// killed one may have left running, one alone has it.
class Claim {
 public:
  /// To train a trial; nothing where another has it. `path` is the folder's lock file.
  static std::optional<Claim> try_trial(const std::filesystem::path& path, const std::string& id);
  /// To compute the Fisher information of the folder's jobs.
  static std::optional<Claim> try_fisher_stage(const std::filesystem::path& path);

  static bool is_trial_taken(const std::filesystem::path& path, const std::string& id);

 private:
  explicit Claim(ByteLock lock) : lock_(std::move(lock)) {}
  static std::optional<Claim> try_byte(const std::filesystem::path& path, std::int64_t byte);

  ByteLock lock_;
};

}  // namespace tunescope
