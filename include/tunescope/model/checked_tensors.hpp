#pragma once

#include <filesystem>
#include <string>

#include "tunescope/model/safetensors.hpp"

namespace tunescope {

/// Tensors with a text, as a computation saves them on its way.
struct CheckedTensors {
  NamedTensors tensors;  ///< in alphabetical order; float32 or float64, on the CPU
  std::string text;
};

/// Writes a safetensors file, atomically, whose metadata holds the text and a SHA-256 over it and the tensors' names
/// and bytes.
void write_checked_tensors(const std::filesystem::path& path, const CheckedTensors& saved);

/// Reads such a file; the tensors own their memory. Throws `DataError` naming the file where it is damaged: truncated,
/// changed, or of another kind.
CheckedTensors read_checked_tensors(const std::filesystem::path& path);

/// The error for a file whose checksum holds but whose content makes no sense.
[[noreturn]] void refuse_checkpoint(const std::filesystem::path& path, const std::string& reason);

}  // namespace tunescope
