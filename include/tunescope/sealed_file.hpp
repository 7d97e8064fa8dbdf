#pragma once

#include <filesystem>

namespace tunescope {

/// Appends a seal to a finished file: one line with the SHA-256 of everything before it. HDF5 readers do not look
/// beyond the end of their own data. Throws `EnvironmentError` where it cannot be written.
void seal_file(const std::filesystem::path& path);

/// Whether a file ends with a seal that fits its bytes: false where it was truncated or changed, never sealed, or
/// cannot be read. A process reads a file for that once, and again where its inode, size or time has changed.
bool has_intact_seal(const std::filesystem::path& path);

}  // namespace tunescope
