#pragma once

#include <filesystem>

#include "tunescope/train/trainer.hpp"

namespace tunescope {

/// Writes a run's state, atomically and with a checksum: a safetensors file whose metadata holds what was recorded.
void save_checkpoint(const std::filesystem::path& path, const TrainState& state);

/// Reads a run's state. Throws `DataError` naming the file where it is damaged: truncated, changed, or of another kind.
TrainState load_checkpoint(const std::filesystem::path& path);

}  // namespace tunescope
