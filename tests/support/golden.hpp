#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tunescope::test {

/// A file or folder below tests/golden.
inline std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(TUNESCOPE_SOURCE_DIR) / "tests" / "golden" / name;
}

/// Data that is too large, or not free, to be kept with the project. Tests that need it are skipped if it is absent.
inline std::filesystem::path shared_data() {
  const char* folder = std::getenv("TUNESCOPE_SHARED");
  return folder != nullptr ? std::filesystem::path(folder)
                           : std::filesystem::path(TUNESCOPE_SOURCE_DIR).parent_path() / "shared";
}

/// The model that scripts/setup fetches.
inline std::filesystem::path minilm_folder() {
  return std::filesystem::path(TUNESCOPE_SOURCE_DIR) / "models" / "minilm-l6";
}

}  // namespace tunescope::test
