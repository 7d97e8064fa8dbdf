#pragma once

#include <filesystem>
#include <string_view>

namespace tunescope {

/// A seal is the SHA-256 of a file's bytes, kept in the file itself. A file has a place for it: `kEmptySeal` somewhere
/// in its first 64 KiB, such as an attribute of HDF5; its digits count as zeros. A program that opens an HDF5 file for
/// writing cuts off what stands behind HDF5's own data, but leaves this. Files of older programs end with the seal.
inline constexpr std::string_view kEmptySeal =
    "tunescope sha256 0000000000000000000000000000000000000000000000000000000000000000";

/// Seals a finished file: the seal goes into its place or, if the file has none, behind its end. Throws
/// `EnvironmentError` if the file cannot be written.
void seal_file(const std::filesystem::path& path);

/// What a file's seal says of it.
enum class Seal {
  kIntact,   ///< it fits the bytes
  kMissing,  ///< an HDF5 file of its full length without one: another program has opened it for writing and cut it off
  kBroken,   ///< an HDF5 file of its full length that it does not fit: another program has written to it, or damage
  kDamaged,  ///< anything else: truncated, not HDF5, absent, not readable
};

/// Reads a file's seal. A process reads an intact file for that once, and again if its inode, size or time has
/// changed.
Seal inspect_seal(const std::filesystem::path& path);

/// Whether a file's seal is intact.
bool has_intact_seal(const std::filesystem::path& path);

/// What is wrong with a file whose seal is not intact, as the end of a sentence that begins with its name.
std::string_view describe(Seal seal);

}  // namespace tunescope
