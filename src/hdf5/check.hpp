#pragma once

#include <hdf5.h>

#include <string>

namespace tunescope::hdf5 {

/// Returns a non-negative HDF5 result; throws `Hdf5Error` with the library's innermost message for a negative one.
template <typename Result>
Result check(Result result, const std::string& what);

/// Throws `Hdf5Error` with the library's innermost message.
[[noreturn]] void fail(const std::string& what);

template <typename Result>
Result check(Result result, const std::string& what) {
  if (result < 0) fail(what);
  return result;
}

}  // namespace tunescope::hdf5
