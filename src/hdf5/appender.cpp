#include "tunescope/hdf5/appender.hpp"

#include <algorithm>

#include "check.hpp"
#include "storage.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope::hdf5 {
namespace {

template <typename Number>
hid_t memory_type() {
  return std::is_same_v<Number, double> ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64;
}

template <typename Number>
hid_t file_type() {
  return std::is_same_v<Number, double> ? H5T_IEEE_F64LE : H5T_STD_I64LE;
}

}  // namespace

template <typename Number>
Appender<Number>::Appender(const Group& group, const std::string& name, const Shape& shape)
    : dataset_(group.create_dataset(name, shape, file_type<Number>())),
      description_(group.description() + ":/" + name),
      shape_(shape),
      row_size_(element_count({shape.begin() + 1, shape.end()})),
      block_rows_(std::max<hsize_t>(chunk_shape(shape).front(), 1)) {}

template <typename Number>
void Appender<Number>::append(std::span<const Number> values) {
  buffer_.insert(buffer_.end(), values.begin(), values.end());
  const hsize_t block = block_rows_ * row_size_;
  if (buffer_.size() < block) return;
  std::size_t written = 0;
  for (; buffer_.size() - written >= block; written += block) write_rows(buffer_.data() + written, block_rows_);
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(written));
}

template <typename Number>
void Appender<Number>::finish() {
  if (row_size_ > 0) write_rows(buffer_.data(), buffer_.size() / row_size_);
  buffer_.clear();
  if (rows_written_ != shape_.front()) {
    throw Hdf5Error(description_ + ": " + std::to_string(rows_written_) + " rows were written, expected " +
                    std::to_string(shape_.front()));
  }
}

template <typename Number>
void Appender<Number>::write_rows(const Number* values, hsize_t rows) {
  if (rows == 0) return;
  const std::string what = description_ + ": cannot be written";
  Shape start(shape_.size(), 0);
  start.front() = rows_written_;
  Shape count = shape_;
  count.front() = rows;
  if (rows > shape_.front() - rows_written_) throw Hdf5Error(what + ": more rows than it was made for");
  const Handle memory = dataspace(count);
  const Handle file(check(H5Dget_space(dataset_.get()), what), H5Sclose);
  check(H5Sselect_hyperslab(file.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), what);
  check(H5Dwrite(dataset_.get(), memory_type<Number>(), memory.get(), file.get(), H5P_DEFAULT, values), what);
  rows_written_ += rows;
}

template class Appender<double>;
template class Appender<std::int64_t>;

}  // namespace tunescope::hdf5
