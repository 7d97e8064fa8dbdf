#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tunescope {

/// A safetensors file, or a sharded set behind its `.index.json`, mapped into memory. Source of the format:
/// https://huggingface.co/docs/safetensors. Every header entry is checked against the file before any use.
class Safetensors {
 public:
  /// Opens `folder`/model.safetensors, or the shards that `folder`/model.safetensors.index.json lists. Throws
  /// `ModelError` naming the file where it is missing, truncated or its header lies, and how to convert what is there
  /// in its place.
  static Safetensors open_folder(const std::filesystem::path& folder);
  /// Opens one file.
  static Safetensors open_file(const std::filesystem::path& path);

  /// Names in alphabetical order.
  std::vector<std::string> names() const;
  bool has(const std::string& name) const { return entries_.contains(name); }
  const std::vector<std::int64_t>& shape(const std::string& name) const { return entries_.at(name).shape; }
  at::ScalarType type(const std::string& name) const { return entries_.at(name).type; }
  /// The format's name of it, such as "F16".
  std::string type_name(const std::string& name) const;

  /// The tensor on the CPU in its stored type: read-only and without a copy where it is aligned in the file, which is
  /// mapped as long as any of its tensors lives.
  at::Tensor tensor(const std::string& name) const;
  /// The same as float32; F16 and BF16 are converted.
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

/// Tensors in the order in which they are stored.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Writes one file, atomically: tensors by name, from any device; float64 as it is, every other type as float32.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace tunescope
