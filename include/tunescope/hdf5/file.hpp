#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tunescope::hdf5 {

/// Owns an HDF5 identifier and closes it. The destructor never throws.
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() { close(); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    close();
    id_ = std::exchange(other.id_, H5I_INVALID_HID);
    close_ = other.close_;
    return *this;
  }
  hid_t get() const { return id_; }
  /// Closes it now and returns the result of HDF5, which is negative if data could not be written. It is not closed
  /// again.
  herr_t close() { return id_ >= 0 ? close_(std::exchange(id_, H5I_INVALID_HID)) : 0; }

 private:
  hid_t id_ = H5I_INVALID_HID;
  herr_t (*close_)(hid_t) = nullptr;
};

/// The lengths of the dimensions of a dataset, slowest first.
using Shape = std::vector<hsize_t>;

/// A group (or the root) of an open file. Datasets and attributes have types that every HDF5 reader knows: int64,
/// float32, float64, variable-length UTF-8 strings. Every call throws `Hdf5Error` naming file and object.
class Group {
 public:
  Group(Handle handle, std::string description) : handle_(std::move(handle)), description_(std::move(description)) {}

  /// File and path, for messages.
  const std::string& description() const { return description_; }

  Group create_group(const std::string& name) const;
  Group open_group(const std::string& name) const;
  bool has(const std::string& name) const;
  /// Names of the members, sorted.
  std::vector<std::string> members() const;

  /// Copies a dataset of another group, possibly of another file, as it is stored. Its dimension scales are not copied.
  void copy_dataset(const Group& source, const std::string& name) const;

  /// Creates a dataset without writing to it. If it has more than a few elements, it is chunked, shuffled and deflated.
  Handle create_dataset(const std::string& name, const Shape& shape, hid_t file_type) const;

  /// Creates a dataset as `create_dataset` does, and writes it.
  void write(const std::string& name, std::span<const double> values, const Shape& shape) const;
  void write(const std::string& name, std::span<const float> values, const Shape& shape) const;
  void write(const std::string& name, std::span<const std::int64_t> values, const Shape& shape) const;
  void write(const std::string& name, std::span<const std::string> values, const Shape& shape) const;

  std::vector<double> read_doubles(const std::string& name) const;
  std::vector<float> read_floats(const std::string& name) const;
  std::vector<std::int64_t> read_integers(const std::string& name) const;
  std::vector<std::string> read_strings(const std::string& name) const;
  Shape shape(const std::string& name) const;

  void write_attribute(const std::string& name, const std::string& value) const;
  void write_attribute(const std::string& name, std::int64_t value) const;
  void write_attribute(const std::string& name, std::span<const std::string> values) const;
  /// Writes text of a fixed length, which is stored in the file byte by byte.
  void write_fixed_attribute(const std::string& name, std::string_view value) const;
  /// Writes an attribute of a dataset in this group.
  void write_attribute(const std::string& dataset, const std::string& name, const std::string& value) const;
  std::string read_string_attribute(const std::string& name) const;
  std::int64_t read_integer_attribute(const std::string& name) const;

  /// Turns the one-dimensional dataset `name` of this group into a dimension scale.
  void make_dimension(const std::string& name) const;
  /// Attaches one dimension scale to each dimension of `dataset`.
  void attach_dimensions(const std::string& dataset, std::span<const std::string> dimensions) const;

 protected:
  Handle handle_;
  std::string description_;

 private:
  void write_numbers(const std::string& name, const void* values, const Shape& shape, hid_t memory_type,
                     hid_t file_type) const;
  template <typename T>
  std::vector<T> read_numbers(const std::string& name, hid_t memory_type) const;
};

/// An HDF5 file. It is written in the format `earliest`, so that every tool can read it.
class File : public Group {
 public:
  /// Creates or truncates a file. It is not locked, so no other process may use it.
  static File create(const std::filesystem::path& path);
  /// Opens a complete file for reading, without a lock. Throws `Hdf5Error` if it is missing, truncated or not HDF5.
  static File open(const std::filesystem::path& path);
  /// Flushes and closes the file. Throws if data could not be written. The destructor closes it silently.
  void close();

 private:
  File(Handle root, Handle file, std::string description)
      : Group(std::move(root), std::move(description)), file_(std::move(file)) {}
  Handle file_;
};

/// The version of the library, such as "1.10.8".
std::string library_version();

}  // namespace tunescope::hdf5
