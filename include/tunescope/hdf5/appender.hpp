#pragma once

#include <span>
#include <string>
#include <vector>

#include "tunescope/hdf5/file.hpp"

namespace tunescope::hdf5 {

/// Writes a dataset piece by piece, from its first value to its last, so that it is never in memory as a whole.
/// `Number` is double or std::int64_t.
template <typename Number>
class Appender {
 public:
  /// Creates the dataset with its final shape, in the storage layout of `Group::write`.
  Appender(const Group& group, const std::string& name, const Shape& shape);

  /// Appends the next values. Throws `Hdf5Error` if the shape has no room for them.
  void append(std::span<const Number> values);
  void append(Number value) { append({&value, 1}); }

  /// Writes what is still in memory. Throws `Hdf5Error` if values are missing.
  void finish();

 private:
  void write_rows(const Number* values, hsize_t rows);

  Handle dataset_;
  std::string description_;
  Shape shape_;
  hsize_t row_size_;    // values per row
  hsize_t block_rows_;  // rows per chunk
  hsize_t rows_written_ = 0;
  std::vector<Number> buffer_;
};

}  // namespace tunescope::hdf5
