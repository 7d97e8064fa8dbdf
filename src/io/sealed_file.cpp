#include "tunescope/io/sealed_file.hpp"

#include <sys/stat.h>

#include <algorithm>
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

#include "tunescope/base/error.hpp"
#include "tunescope/base/hash.hpp"

namespace tunescope {
namespace {

constexpr std::string_view kMark = kEmptySeal.substr(0, kEmptySeal.find('0'));
constexpr std::size_t kDigits = kEmptySeal.size() - kMark.size();
constexpr std::string_view kZeros = kEmptySeal.substr(kMark.size());
constexpr std::size_t kTrailerBytes = 1 + kEmptySeal.size() + 1;  // between two line breaks
constexpr std::size_t kSearchedBytes = 1 << 16;
constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::chrono::seconds kTick{2};

// Bytes of a file, fewer if it ends before.
std::string read_bytes(const std::filesystem::path& path, std::uintmax_t begin, std::size_t count) {
  std::string bytes(count, '\0');
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(begin));
  file.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return bytes;
}

std::string trailer_of(const std::filesystem::path& path, std::uintmax_t bytes) {
  return "\n" + std::string(kMark) + sha256_hex_of_file(path, bytes) + "\n";
}

// The position of the digits in a file that has a place for them.
std::optional<std::size_t> find_digits(const std::filesystem::path& path) {
  const std::string start = read_bytes(path, 0, kSearchedBytes);
  const std::size_t mark = start.find(kMark);
  if (mark == std::string::npos || mark + kEmptySeal.size() > start.size()) return std::nullopt;
  return mark + kMark.size();
}

std::string digest_with_zeros_at(const std::filesystem::path& path, std::size_t digits) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(path.string() + ": cannot be read");
  std::string buffer(1 << 20, '\0');
  Sha256 hash;
  for (bool is_start = true;; is_start = false) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    if (is_start && digits + kDigits <= count) buffer.replace(digits, kDigits, kZeros);
    hash.update({buffer.data(), count});
    if (count < buffer.size()) break;
  }
  if (file.bad()) throw DataError(path.string() + ": reading failed");
  return hash.hex_digest();
}

// Whether a file begins as HDF5 with the first kind of superblock, which is what our files have, and is as long as that
// says. Source: HDF5 File Format Specification, section II.A.
bool is_whole_hdf5(const std::filesystem::path& path, std::uintmax_t bytes) {
  constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n\0", 9);  // the last byte is the version
  constexpr std::size_t kEndOfFile = 40;
  const std::string start = read_bytes(path, 0, kEndOfFile + 8);
  if (start.size() < kEndOfFile + 8 || !start.starts_with(kSignature)) return false;
  std::uint64_t end = 0;  // little-endian, as every machine that this runs on
  std::memcpy(&end, start.data() + kEndOfFile, sizeof end);
  return end == bytes;
}

Seal read_seal(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) return Seal::kDamaged;
  try {
    if (bytes >= kTrailerBytes) {
      const std::string trailer = read_bytes(path, bytes - kTrailerBytes, kTrailerBytes);
      if (trailer.starts_with("\n" + std::string(kMark))) {
        return trailer == trailer_of(path, bytes - kTrailerBytes) ? Seal::kIntact : Seal::kDamaged;
      }
    }
    const std::optional<std::size_t> digits = find_digits(path);
    if (digits && read_bytes(path, *digits, kDigits) == digest_with_zeros_at(path, *digits)) return Seal::kIntact;
    if (!is_whole_hdf5(path, bytes)) return Seal::kDamaged;
    return digits ? Seal::kBroken : Seal::kMissing;
  } catch (const DataError&) {
    return Seal::kDamaged;
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
  const std::optional<std::size_t> digits = find_digits(path);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  if (digits) {
    const std::string digest = digest_with_zeros_at(path, *digits);
    file.seekp(static_cast<std::streamoff>(*digits));
    file << digest;
  } else {
    const std::string trailer = trailer_of(path, std::filesystem::file_size(path));
    file.seekp(0, std::ios::end);
    file << trailer;
  }
  file.close();
  if (!file) throw EnvironmentError(path.string() + ": its checksum cannot be written: " + std::strerror(errno));
}

Seal inspect_seal(const std::filesystem::path& path) {
  static std::mutex mutex;
  static std::set<Stamp> intact;
  const std::lock_guard lock(mutex);
  const std::optional<Stamp> stamp = stamp_of(path);
  if (!stamp) return Seal::kDamaged;
  if (intact.contains(*stamp)) return Seal::kIntact;
  const Seal seal = read_seal(path);
  if (seal == Seal::kIntact && is_past(*stamp)) intact.insert(*stamp);
  return seal;
}

bool has_intact_seal(const std::filesystem::path& path) { return inspect_seal(path) == Seal::kIntact; }

std::string_view describe(Seal seal) {
  switch (seal) {
    case Seal::kIntact:
      return "is intact";
    case Seal::kMissing:
      return "has lost its checksum: another program has opened it for writing, or it is damaged";
    case Seal::kBroken:
      return "is damaged, or another program has written to it: its checksum does not match";
    case Seal::kDamaged:
      return "is damaged: it was truncated, or its checksum does not match";
  }
  return "";
}

}  // namespace tunescope
