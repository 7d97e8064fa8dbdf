#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace tunescope::test {

/// The folder of test data outside the checkout; it may be absent, then the tests that need it skip.
inline std::filesystem::path shared_data() {
  const char* set = std::getenv("TUNESCOPE_SHARED");
  const std::filesystem::path source = TUNESCOPE_SOURCE_DIR;
  return (set != nullptr ? std::filesystem::path(set) : source / ".." / "shared") / "data";
}

inline std::filesystem::path golden_tokenizer() {
  return std::filesystem::path(TUNESCOPE_SOURCE_DIR) / "tests" / "golden" / "tokenizer";
}

inline std::string read_text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

inline nlohmann::json read_json(const std::filesystem::path& file) { return nlohmann::json::parse(read_text(file)); }

/// A folder that lives as long as the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tunescope_text_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace tunescope::test
