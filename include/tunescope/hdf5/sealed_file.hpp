#pragma once

#include <filesystem>
#include <functional>

#include "tunescope/hdf5/file.hpp"

namespace tunescope::hdf5 {

/// Lets `fill` write an HDF5 file, and seals it: its checksum goes into the attribute `checksum` of the root, see
/// `seal_file`. The file appears atomically. Throws as `write_atomically` and `File` do.
void write_sealed_file(const std::filesystem::path& path, const std::function<void(const File& file)>& fill);

}  // namespace tunescope::hdf5
