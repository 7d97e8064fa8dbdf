#pragma once

#include <filesystem>
#include <string>

#include "tunescope/io/safetensors.hpp"

namespace tunescope {

// The file format of checkpoints. A checkpoint may be read after a crash, from a full disk or from another machine, so
// it must never be taken for sound when it is not: it is a safetensors file with a seal, whose metadata also holds a
// text (the small values of a computation, such as step counts). It is written to a
// temporary file that replaces the old one only when it is complete.

/// The state of a computation: its tensors, and a text for everything else.
struct CheckedTensors {
  NamedTensors tensors;  ///< in alphabetical order; float32 or float64, on the CPU
  std::string text;
};

/// Writes a safetensors file, atomically and with a seal, whose metadata holds the text.
void write_checked_tensors(const std::filesystem::path& path, const CheckedTensors& saved);

/// Reads such a file. The tensors own their memory. Throws `DataError` naming the file if it is damaged: truncated,
/// changed, or of another kind. Files of earlier builds have another checksum, over the text and all tensors.
CheckedTensors read_checked_tensors(const std::filesystem::path& path);

/// Throws the `DataError` for a file whose checksum matches but whose content makes no sense.
[[noreturn]] void refuse_checkpoint(const std::filesystem::path& path, const std::string& reason);

}  // namespace tunescope
