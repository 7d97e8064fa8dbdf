#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "support/golden.hpp"
#include "support/temporary_folder.hpp"

namespace tunescope::test {

inline std::filesystem::path tiny_folder() { return golden("model/tiny"); }

/// A golden model's safetensors file in its parts: 8 bytes of header length, the header, the data.
struct TinyFile {
  nlohmann::json header;
  std::string data;

  static TinyFile read(const std::filesystem::path& folder = tiny_folder()) {
    const std::string bytes = read_bytes(folder / "model.safetensors");
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i) length = length << 8U | static_cast<unsigned char>(bytes.at(i));
    return {nlohmann::json::parse(bytes.substr(8, length)), bytes.substr(8 + length)};
  }
  std::string bytes() const {
    const std::string text = header.dump();
    std::string result;
    for (int i = 0; i < 8; ++i) result.push_back(static_cast<char>(text.size() >> (8 * i) & 0xFFU));
    return result + text + data;
  }
  void rename(const std::function<std::string(const std::string&)>& new_name) {
    nlohmann::json renamed = nlohmann::json::object();
    for (const auto& [name, entry] : header.items()) renamed[name == "__metadata__" ? name : new_name(name)] = entry;
    header = renamed;
  }
  /// Gives a tensor other bytes, behind all others.
  void replace(const std::string& name, const std::string& type, const std::string& bytes) {
    header[name]["dtype"] = type;
    header[name]["data_offsets"] = {data.size(), data.size() + bytes.size()};
    data += bytes;
  }
};

}  // namespace tunescope::test
