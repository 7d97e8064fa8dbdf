#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tunescope::test {

/// The checkout, or a copy of its files where the tests run on another machine: the variable TUNESCOPE_SOURCE_DIR names
/// it.
inline std::filesystem::path source_folder() {
  const char* folder = std::getenv("TUNESCOPE_SOURCE_DIR");
  return folder != nullptr ? folder : TUNESCOPE_SOURCE_DIR;
}

/// A file or folder below tests/golden.
inline std::filesystem::path golden(const std::string& name) { return source_folder() / "tests" / "golden" / name; }

/// Data that is too large, or not free, to be kept with the project. Tests that need it are skipped if it is absent.
inline std::filesystem::path shared_data() {
  const char* folder = std::getenv("TUNESCOPE_SHARED");
  return folder != nullptr ? std::filesystem::path(folder) : source_folder().parent_path() / "shared";
}

/// The model that scripts/setup fetches.
inline std::filesystem::path minilm_folder() { return source_folder() / "models" / "minilm-l6"; }

}  // namespace tunescope::test
