#pragma once

#include <filesystem>

namespace tunescope {

/// Throws `ModelError` for a folder without safetensors: names the weights of another format that it has in their place
/// and how to convert them.
[[noreturn]] void refuse_foreign_weights(const std::filesystem::path& folder);

}  // namespace tunescope
