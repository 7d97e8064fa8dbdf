#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace tunescope {

/// An object in a JSON file, which knows its place in the file so that errors can name it. Every accessor throws
/// `DataError` naming the file and the key if the value is missing or of another type.
class JsonObject {
 public:
  /// Reads a file that holds one object. Throws `DataError` if it cannot be read, is not JSON, has a key twice in one
  /// object, or is nested too deeply.
  static JsonObject read(const std::filesystem::path& file);

  /// Whether the key is present and its value is not null.
  bool has(const std::string& key) const;

  /// Whether the key is present, even if its value is null.
  bool names(const std::string& key) const { return value_.contains(key); }

  JsonObject object(const std::string& key) const;
  std::string text(const std::string& key) const;
  std::size_t number(const std::string& key) const;
  bool boolean(const std::string& key) const;

  /// As `boolean`, but null gives nullopt.
  std::optional<bool> optional_boolean(const std::string& key) const;

  /// The elements of an array of objects.
  std::vector<JsonObject> objects(const std::string& key) const;

  /// The JSON value itself.
  const nlohmann::json& value() const { return value_; }

  /// Throws `DataError` naming the file, the place of `key` in it, and `problem`.
  [[noreturn]] void fail(const std::string& key, const std::string& problem) const;

 private:
  JsonObject(std::filesystem::path file, std::string place, nlohmann::json value);
  const nlohmann::json& at(const std::string& key) const;

  std::filesystem::path file_;
  std::string place_;
  nlohmann::json value_;
};

}  // namespace tunescope
