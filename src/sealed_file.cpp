#include "tunescope/sealed_file.hpp"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "tunescope/error.hpp"
#include "tunescope/hash.hpp"

namespace tunescope {
namespace {

constexpr std::string_view kMark = "\ntunescope sha256 ";
constexpr std::uintmax_t kSealBytes = kMark.size() + 64 + 1;  // the mark, the digest, the end of the line
constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::chrono::seconds kTick{2};

std::string seal_of(const std::filesystem::path& path, std::uintmax_t bytes) {
  return std::string(kMark) + sha256_hex_of_file(path, bytes) + "\n";
}

bool is_seal_right(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error || bytes < kSealBytes) return false;
  std::string found(kSealBytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(bytes - kSealBytes));
  if (!file.read(found.data(), static_cast<std::streamsize>(found.size())) || !found.starts_with(kMark)) return false;
  try {
    return found == seal_of(path, bytes - kSealBytes);
  } catch (const DataError&) {
    return false;
  }
}

// What tells a file from a changed one: device, inode, size, and the time of its last change in nanoseconds.
using Stamp = std::array<std::int64_t, 4>;

std::optional<Stamp> stamp_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return Stamp{static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino), status.st_size,
               status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec};
}

// A file may change twice within one tick of the filesystem's clock, so that a time just past tells nothing.
bool is_past(const Stamp& stamp) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::nanoseconds(stamp.back()) + kTick < now;
}

}  // namespace

void seal_file(const std::filesystem::path& path) {
  const std::string seal = seal_of(path, std::filesystem::file_size(path));
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file << seal;
  file.close();
  if (!file) throw EnvironmentError(path.string() + ": its checksum cannot be written: " + std::strerror(errno));
}

bool has_intact_seal(const std::filesystem::path& path) {
  static std::mutex mutex;
  static std::set<Stamp> intact;
  const std::lock_guard lock(mutex);
  const std::optional<Stamp> stamp = stamp_of(path);
  if (!stamp) return false;
  if (intact.contains(*stamp)) return true;
  if (!is_seal_right(path)) return false;
  if (is_past(*stamp)) intact.insert(*stamp);
  return true;
}

}  // namespace tunescope
