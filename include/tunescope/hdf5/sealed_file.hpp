#pragma once

#include <filesystem>
#include <functional>

#include "tunescope/hdf5/file.hpp"

namespace tunescope::hdf5 {

/// Lets `fill` write an HDF5 file, atomically, and seals it in the attribute `checksum` of its root, see `seal_file`.
/// Throws as `write_atomically` and `File` do.
void write_sealed_file(const std::filesystem::path& path, const std::function<void(const File& file)>& fill);

}  // namespace tunescope::hdf5
