#include <hdf5_hl.h>

#include <algorithm>

#include "check.hpp"
#include "storage.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/file.hpp"

namespace tunescope::hdf5 {
namespace {

constexpr hsize_t kSmallestDeflated = 64;
constexpr hsize_t kMaxCompression = 1032;  // the highest ratio of deflate: https://zlib.net/zlib_tech.html
constexpr unsigned kDeflateLevel = 1;      // higher levels take three times as long and save a few percent

Handle creation_properties(const Shape& shape) {
  Handle properties(check(H5Pcreate(H5P_DATASET_CREATE), "property list"), H5Pclose);
  if (!shape.empty() && element_count(shape) >= kSmallestDeflated) {
    const Shape chunk = chunk_shape(shape);
    check(H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data()), "chunk shape");
    check(H5Pset_shuffle(properties.get()), "shuffle filter");
    check(H5Pset_deflate(properties.get(), kDeflateLevel), "deflate filter");
  }
  return properties;
}

Handle string_type() {
  Handle type(check(H5Tcopy(H5T_C_S1), "string type"), H5Tclose);
  check(H5Tset_size(type.get(), H5T_VARIABLE), "string type");
  check(H5Tset_cset(type.get(), H5T_CSET_UTF8), "string type");
  return type;
}

// The number of values, for which the caller will allocate memory. Throws if the file is too small to hold so many.
std::size_t credible_count(hid_t dataset, const Shape& shape, std::size_t value_bytes, const std::string& what) {
  const Handle file(check(H5Iget_file_id(dataset), what), H5Fclose);
  hsize_t file_bytes = 0;
  check(H5Fget_filesize(file.get(), &file_bytes), what);
  const hsize_t most = file_bytes / value_bytes * kMaxCompression;
  hsize_t count = 1;
  for (const hsize_t length : shape) {
    if (length != 0 && count > most / length) {
      throw Hdf5Error(what + ": it claims to have more values than a file of " + std::to_string(file_bytes) +
                      " bytes can hold; the file is damaged, remove it");
    }
    count *= length;
  }
  return count;
}

// Must be checked before reading: HDF5 would write all values of the attribute to memory that has room for one.
void expect_single_value(hid_t attribute, const std::string& what) {
  const Handle space(check(H5Aget_space(attribute), what), H5Sclose);
  const hssize_t count = check(H5Sget_simple_extent_npoints(space.get()), what);
  if (count != 1) throw Hdf5Error(what + ": it has " + std::to_string(count) + " values, expected 1");
}

Shape extent(hid_t dataset) {
  const Handle space(check(H5Dget_space(dataset), "dataspace"), H5Sclose);
  Shape shape(static_cast<std::size_t>(check(H5Sget_simple_extent_ndims(space.get()), "dataspace")));
  check(H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr), "dataspace");
  return shape;
}

}  // namespace

Group Group::create_group(const std::string& name) const {
  const std::string path = description_ + ":/" + name;
  return {Handle(check(H5Gcreate2(handle_.get(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                       path + ": group cannot be created"),
                 H5Gclose),
          path};
}

Group Group::open_group(const std::string& name) const {
  const std::string path = description_ + ":/" + name;
  return {Handle(check(H5Gopen2(handle_.get(), name.c_str(), H5P_DEFAULT), path + ": no such group"), H5Gclose), path};
}

bool Group::has(const std::string& name) const {
  return check(H5Lexists(handle_.get(), name.c_str(), H5P_DEFAULT), description_ + ": cannot be read") > 0;
}

std::vector<std::string> Group::members() const {
  std::vector<std::string> names;
  const auto append = [](hid_t, const char* name, const H5L_info_t*, void* list) -> herr_t {
    static_cast<std::vector<std::string>*>(list)->emplace_back(name);
    return 0;
  };
  check(H5Literate(handle_.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, append, &names), description_ + ": listing");
  std::sort(names.begin(), names.end());
  return names;
}

void Group::copy_dataset(const Group& source, const std::string& name) const {
  const Handle properties(check(H5Pcreate(H5P_OBJECT_COPY), "property list"), H5Pclose);
  check(H5Pset_copy_object(properties.get(), H5O_COPY_WITHOUT_ATTR_FLAG), "copy property");
  check(H5Ocopy(source.handle_.get(), name.c_str(), handle_.get(), name.c_str(), properties.get(), H5P_DEFAULT),
        description_ + ":/" + name + ": cannot be copied from " + source.description_);
}

Handle Group::create_dataset(const std::string& name, const Shape& shape, hid_t file_type) const {
  const Handle space = dataspace(shape);
  const Handle properties = creation_properties(shape);
  return {
      check(H5Dcreate2(handle_.get(), name.c_str(), file_type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
            description_ + ":/" + name + ": cannot be created"),
      H5Dclose};
}

void Group::write_numbers(const std::string& name, const void* values, const Shape& shape, hid_t memory_type,
                          hid_t file_type) const {
  const Handle dataset = create_dataset(name, shape, file_type);
  if (element_count(shape) == 0) return;
  check(H5Dwrite(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values),
        description_ + ":/" + name + ": cannot be written");
}

void Group::write(const std::string& name, std::span<const double> values, const Shape& shape) const {
  write_numbers(name, values.data(), shape, H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE);
}

void Group::write(const std::string& name, std::span<const float> values, const Shape& shape) const {
  write_numbers(name, values.data(), shape, H5T_NATIVE_FLOAT, H5T_IEEE_F32LE);
}

void Group::write(const std::string& name, std::span<const std::int64_t> values, const Shape& shape) const {
  write_numbers(name, values.data(), shape, H5T_NATIVE_INT64, H5T_STD_I64LE);
}

void Group::write(const std::string& name, std::span<const std::string> values, const Shape& shape) const {
  std::vector<const char*> pointers(values.size());
  std::transform(values.begin(), values.end(), pointers.begin(),
                 [](const std::string& value) { return value.c_str(); });
  const Handle type = string_type();
  write_numbers(name, pointers.data(), shape, type.get(), type.get());
}

template <typename T>
std::vector<T> Group::read_numbers(const std::string& name, hid_t memory_type) const {
  const std::string what = description_ + ":/" + name + ": cannot be read";
  const Handle dataset(check(H5Dopen2(handle_.get(), name.c_str(), H5P_DEFAULT), what), H5Dclose);
  std::vector<T> values(credible_count(dataset.get(), extent(dataset.get()), sizeof(T), what));
  if (!values.empty()) {
    check(H5Dread(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), what);
  }
  return values;
}

std::vector<double> Group::read_doubles(const std::string& name) const {
  return read_numbers<double>(name, H5T_NATIVE_DOUBLE);
}

std::vector<float> Group::read_floats(const std::string& name) const {
  return read_numbers<float>(name, H5T_NATIVE_FLOAT);
}

std::vector<std::int64_t> Group::read_integers(const std::string& name) const {
  return read_numbers<std::int64_t>(name, H5T_NATIVE_INT64);
}

std::vector<std::string> Group::read_strings(const std::string& name) const {
  const Handle type = string_type();
  auto pointers = read_numbers<char*>(name, type.get());
  std::vector<std::string> values(pointers.size());
  std::transform(pointers.begin(), pointers.end(), values.begin(),
                 [](const char* text) { return std::string(text == nullptr ? "" : text); });
  if (!pointers.empty()) {
    const Handle space = dataspace({pointers.size()});
    H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, pointers.data());
  }
  return values;
}

Shape Group::shape(const std::string& name) const {
  const Handle dataset(
      check(H5Dopen2(handle_.get(), name.c_str(), H5P_DEFAULT), description_ + ":/" + name + ": no such dataset"),
      H5Dclose);
  return extent(dataset.get());
}

void Group::write_attribute(const std::string& name, const std::string& value) const {
  write_attribute(".", name, value);
}

void Group::write_attribute(const std::string& dataset, const std::string& name, const std::string& value) const {
  const std::string what = description_ + ":/" + dataset + ": attribute " + name + " cannot be written";
  const Handle type = string_type();
  const Handle space(check(H5Screate(H5S_SCALAR), what), H5Sclose);
  const Handle attribute(check(H5Acreate_by_name(handle_.get(), dataset.c_str(), name.c_str(), type.get(), space.get(),
                                                 H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                               what),
                         H5Aclose);
  const char* text = value.c_str();
  check(H5Awrite(attribute.get(), type.get(), &text), what);
}

void Group::write_fixed_attribute(const std::string& name, std::string_view value) const {
  const std::string what = description_ + ": attribute " + name + " cannot be written";
  const Handle type(check(H5Tcopy(H5T_C_S1), what), H5Tclose);
  check(H5Tset_size(type.get(), value.size()), what);
  check(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), what);
  const Handle space(check(H5Screate(H5S_SCALAR), what), H5Sclose);
  const Handle attribute(
      check(H5Acreate2(handle_.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), what),
      H5Aclose);
  check(H5Awrite(attribute.get(), type.get(), value.data()), what);
}

void Group::write_attribute(const std::string& name, std::int64_t value) const {
  const std::string what = description_ + ": attribute " + name + " cannot be written";
  const Handle space(check(H5Screate(H5S_SCALAR), what), H5Sclose);
  const Handle attribute(
      check(H5Acreate2(handle_.get(), name.c_str(), H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT), what),
      H5Aclose);
  check(H5Awrite(attribute.get(), H5T_NATIVE_INT64, &value), what);
}

void Group::write_attribute(const std::string& name, std::span<const std::string> values) const {
  const std::string what = description_ + ": attribute " + name + " cannot be written";
  const Handle type = string_type();
  const Handle space = dataspace({values.size()});
  const Handle attribute(
      check(H5Acreate2(handle_.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), what),
      H5Aclose);
  std::vector<const char*> texts;
  for (const std::string& value : values) texts.push_back(value.c_str());
  check(H5Awrite(attribute.get(), type.get(), texts.data()), what);
}

std::string Group::read_string_attribute(const std::string& name) const {
  const std::string what = description_ + ": attribute " + name + " cannot be read";
  const Handle attribute(check(H5Aopen(handle_.get(), name.c_str(), H5P_DEFAULT), what), H5Aclose);
  expect_single_value(attribute.get(), what);
  const Handle type = string_type();
  char* text = nullptr;
  check(H5Aread(attribute.get(), type.get(), &text), what);
  std::string value = text == nullptr ? "" : text;
  H5free_memory(text);
  return value;
}

std::int64_t Group::read_integer_attribute(const std::string& name) const {
  const std::string what = description_ + ": attribute " + name + " cannot be read";
  const Handle attribute(check(H5Aopen(handle_.get(), name.c_str(), H5P_DEFAULT), what), H5Aclose);
  expect_single_value(attribute.get(), what);
  std::int64_t value = 0;
  check(H5Aread(attribute.get(), H5T_NATIVE_INT64, &value), what);
  return value;
}

void Group::make_dimension(const std::string& name) const {
  const std::string what = description_ + ":/" + name + ": cannot become a dimension scale";
  const Handle dataset(check(H5Dopen2(handle_.get(), name.c_str(), H5P_DEFAULT), what), H5Dclose);
  check(H5DSset_scale(dataset.get(), name.c_str()), what);
}

void Group::attach_dimensions(const std::string& dataset, std::span<const std::string> dimensions) const {
  const std::string what = description_ + ":/" + dataset + ": dimension scales cannot be attached";
  const Handle target(check(H5Dopen2(handle_.get(), dataset.c_str(), H5P_DEFAULT), what), H5Dclose);
  for (unsigned axis = 0; axis < dimensions.size(); ++axis) {
    const Handle scale(check(H5Dopen2(handle_.get(), dimensions[axis].c_str(), H5P_DEFAULT), what), H5Dclose);
    check(H5DSattach_scale(target.get(), scale.get(), axis), what);
  }
}

}  // namespace tunescope::hdf5
