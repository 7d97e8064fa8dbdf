#pragma once

#include <span>
#include <string>
#include <vector>

#include "tunescope/hdf5/file.hpp"

namespace tunescope::hdf5 {

/// Fills a dataset from its first value on, so that it is never in memory as a whole. `Number` is double or
/// std::int64_t.
template <typename Number>
class Appender {
 public:
  /// Creates the dataset with its final shape, stored as by `Group::write`.
  Appender(const Group& group, const std::string& name, const Shape& shape);

  /// The values that come next. Throws `Hdf5Error` where the shape has no room for them.
  void append(std::span<const Number> values);
  void append(Number value) { append({&value, 1}); }

  /// Writes what is still in memory. Throws `Hdf5Error` where values are missing.
  void finish();

 private:
  void write_rows(const Number* values, hsize_t rows);

  Handle dataset_;
  std::string description_;
  Shape shape_;
  hsize_t row_size_;    // values a row
  hsize_t block_rows_;  // those of one chunk
  hsize_t rows_written_ = 0;
  std::vector<Number> buffer_;
};

}  // namespace tunescope::hdf5
