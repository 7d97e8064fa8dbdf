#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "tunescope/io/folder_notes.hpp"
#include "tunescope/kernels/activation.hpp"

namespace tunescope {

// Larger than any model. The limits keep a damaged file from making a catalogue of tensors that outgrows memory.
inline constexpr std::int64_t kLargestDimension = 1 << 24;
inline constexpr std::int64_t kMostLayers = 1024;

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
  /// The same with a second name of the key. Throws `ModelError` too if both are there and differ.
  void positive(const char* key, const char* alias, std::int64_t& value, std::int64_t largest) const;
  void whole(const char* key, std::int64_t& value, std::int64_t smallest, std::int64_t largest) const;
  void number(const char* key, double& value, double smallest, double largest) const;
  void probability(const char* key, double& value) const;  ///< of dropout
  void flag(const char* key, bool& value) const;
  void word(const char* key, std::string& value) const;
  void activation(const char* key, Activation& value) const;
  /// Throws `ModelError` unless `divisor`, the value of `key`, divides that of `other`.
  void divides(const char* key, std::int64_t divisor, const char* other, std::int64_t number) const;

  [[noreturn]] void fail(const char* key, const std::string& expected) const;

 private:
  std::unique_ptr<nlohmann::json> json_;
  std::string file_;
};

/// Throws `ModelError` naming a key that would change numbers in an unsupported way, see `config_keys`. Unknown keys
/// are noted.
void check_keys(const ConfigFile& file, std::string_view model_type, FolderNotes& notes);

}  // namespace tunescope
