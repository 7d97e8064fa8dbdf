#include "tunescope/storage/folder_lock.hpp"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "tunescope/base/error.hpp"
#include "tunescope/base/hostname.hpp"

namespace tunescope {
namespace {

using Kind = FileRangeLock::Kind;

// What the bytes of the lock file stand for. Each trial has one, from `kFirstTrialByte` on.
constexpr std::int64_t kFolderByte = 0;
constexpr std::int64_t kFisherByte = 1;
constexpr std::int64_t kFirstTrialByte = 2;

std::int64_t trial_byte(const std::string& id) {
  return kFirstTrialByte + static_cast<std::int64_t>(std::stoull(id, nullptr, 16) >> 2U);
}

// Another sweep that shares the folder is alone in it for a moment, to clean it up.
bool join(FileRangeLock& lock) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!lock.try_lock(Kind::kShared)) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

[[noreturn]] void refuse(const std::filesystem::path& path) {
  std::ifstream stream(path);
  const std::string holder{std::istreambuf_iterator<char>(stream), {}};
  throw ConfigError(path.parent_path().string() + ": another sweep is working here (" +
                    (holder.empty() ? "unknown" : holder) +
                    "); wait for it, start both with --share to have them share the work, or give this job another "
                    "name or [run] results");
}

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& path, FolderUse use, const std::function<void()>& clean_up)
    : lock_(path, kFolderByte) {
  const bool is_shared = use == FolderUse::kShared;
  const bool is_alone = lock_.try_lock(Kind::kExclusive);
  if (!is_alone && !(is_shared && join(lock_))) refuse(path);
  std::ofstream file(path, std::ios::trunc);
  file << "process " << ::getpid() << " on " << hostname();
  file.close();
  if (!file) throw EnvironmentError(path.string() + ": cannot be written; is the filesystem full?");
  if (is_alone) clean_up();
  if (is_shared) lock_.try_lock(Kind::kShared);
}

bool FolderLock::is_held(const std::filesystem::path& path) { return FileRangeLock::is_held(path, kFolderByte); }

std::optional<Claim> Claim::try_byte(const std::filesystem::path& path, std::int64_t byte) {
  FileRangeLock lock(path, byte);
  if (!lock.try_lock(Kind::kExclusive)) return std::nullopt;
  return Claim(std::move(lock));
}

std::optional<Claim> Claim::try_trial(const std::filesystem::path& path, const std::string& id) {
  return try_byte(path, trial_byte(id));
}

std::optional<Claim> Claim::try_fisher_stage(const std::filesystem::path& path) { return try_byte(path, kFisherByte); }

bool Claim::is_trial_taken(const std::filesystem::path& path, const std::string& id) {
  return FileRangeLock::is_held(path, trial_byte(id));
}

}  // namespace tunescope
