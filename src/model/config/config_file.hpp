#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tunescope/io/folder_notes.hpp"
#include "tunescope/model/encoder_config.hpp"

namespace tunescope {

/// A `config.json`. Its errors name the file, the key, what was found and what is expected.
class ConfigFile {
 public:
  /// Throws `ModelError` if the file is missing or is no JSON object.
  explicit ConfigFile(const std::filesystem::path& path);
  ~ConfigFile();

  const nlohmann::json& json() const { return *json_; }
  /// Whether a key is there and not null.
  bool is_given(const char* key) const;

  // Each leaves `value` as it is if the key is absent, and throws `ModelError` if it has another type or range.
  void positive(const char* key, std::int64_t& value, std::int64_t largest) const;
  void whole(const char* key, std::int64_t& value, std::int64_t smallest, std::int64_t largest) const;
  void number(const char* key, double& value, double smallest, double largest) const;
  void word(const char* key, std::string& value) const;

  [[noreturn]] void fail(const char* key, const std::string& expected) const;

 private:
  std::unique_ptr<nlohmann::json> json_;
  std::string file_;
};

/// Reads the keys of `EncoderConfig`. Keys that would change numbers in an unsupported way are refused, see
/// `encoder_config_keys`; unknown ones are noted.
void read_encoder_config(const ConfigFile& file, EncoderConfig& config, FolderNotes& notes);

}  // namespace tunescope
