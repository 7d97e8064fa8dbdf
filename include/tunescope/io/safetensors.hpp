#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tunescope {

/// A safetensors file, or the shards that an `.index.json` lists, mapped into memory.
///
/// The format (https://huggingface.co/docs/safetensors): 8 bytes hold the length of the header, the header is a JSON
/// object that gives the type, the shape and the byte range of each tensor, and the numbers follow. The file is mapped
/// rather than read, so the processes of a node share one copy of the weights. Since any file may be handed to us,
/// every entry of the header is checked against the size of the file before it is used.
class Safetensors {
 public:
  /// Opens `folder`/model.safetensors, or the shards that `folder`/model.safetensors.index.json lists. Throws
  /// `ModelError` naming the file if it is missing or truncated or its header contradicts it. If the folder has weights
  /// in another format instead, the message says how to convert them.
  static Safetensors open_folder(const std::filesystem::path& folder);
  /// Opens one file.
  static Safetensors open_file(const std::filesystem::path& path);

  /// Names in alphabetical order.
  std::vector<std::string> names() const;
  bool has(const std::string& name) const { return entries_.contains(name); }
  const std::vector<std::int64_t>& shape(const std::string& name) const { return entries_.at(name).shape; }
  at::ScalarType type(const std::string& name) const { return entries_.at(name).type; }
  /// The type's name in the format, such as "F16".
  std::string type_name(const std::string& name) const;

  /// The tensor on the CPU in its stored type, read-only. It is a view of the mapping if it is aligned in the file,
  /// else a copy. The mapping lives as long as any tensor that views it.
  at::Tensor tensor(const std::string& name) const;
  /// The tensor as float32. Other types are converted.
  at::Tensor float_tensor(const std::string& name) const;

  /// Text entries of the header's `__metadata__`.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// SHA-256 over names, types, shapes and bytes.
  std::string content_hash() const;

 private:
  struct Mapping;
  struct Entry {
    std::shared_ptr<const Mapping> mapping;
    at::ScalarType type;
    std::vector<std::int64_t> shape;
    std::size_t begin;  // bytes from the start of the mapping
    std::size_t bytes;
  };
  void add_file(const std::filesystem::path& path);

  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Names and tensors, in the order in which they are stored.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// The entry of `__metadata__` that holds the seal (see sealed_file.hpp) of a file that this program wrote.
inline constexpr const char* kSealEntry = "checksum";

/// Writes one file atomically, with a seal. Tensors may be on any device; float64 is kept, every other type becomes
/// float32.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       std::map<std::string, std::string> metadata = {});

/// Whether a file is as `write_safetensors` left it. Files of earlier builds have no seal; they count if their header
/// can be read.
bool is_intact_safetensors(const std::filesystem::path& path);

}  // namespace tunescope
