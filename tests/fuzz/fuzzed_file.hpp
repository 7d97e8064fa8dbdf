#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope::fuzz {

/// Where a target's files lie: in memory, if TMPDIR does.
inline const std::filesystem::path& folder() {
  static const test::TemporaryFolder folder;
  return folder.path();
}

/// A file of the fuzzer's bytes: readers take paths. It is a new one for each input, so that none sees what a library
/// still holds of an earlier one.
class FuzzedFile {
 public:
  FuzzedFile(const std::uint8_t* data, std::size_t size, const char* name = "fuzzed") : path_(folder() / name) {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  }
  ~FuzzedFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  FuzzedFile(const FuzzedFile&) = delete;
  FuzzedFile& operator=(const FuzzedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// What a reader may do with any bytes: succeed, or throw one of the project's own exceptions. Every other exception
/// passes through and is a finding.
template <typename Read>
void read_or_refuse(Read&& read) {
  try {
    read();
  } catch (const Error&) {
  }
}

}  // namespace tunescope::fuzz
