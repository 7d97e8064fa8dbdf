#pragma once

#include <filesystem>

namespace tunescope {

/// Throws `ModelError` for a folder without safetensors. If the folder has weights in another format, the message names
/// them and says how to convert them.
[[noreturn]] void refuse_foreign_weights(const std::filesystem::path& folder);

}  // namespace tunescope
