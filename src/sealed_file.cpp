#include "tunescope/sealed_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "tunescope/error.hpp"
#include "tunescope/hash.hpp"

namespace tunescope {
namespace {

constexpr std::string_view kMark = "\ntunescope sha256 ";
constexpr std::uintmax_t kSealBytes = kMark.size() + 64 + 1;  // the mark, the digest, the end of the line

std::string seal_of(const std::filesystem::path& path, std::uintmax_t bytes) {
  return std::string(kMark) + sha256_hex_of_file(path, bytes) + "\n";
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

}  // namespace tunescope
