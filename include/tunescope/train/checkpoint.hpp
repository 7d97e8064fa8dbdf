#pragma once

#include <filesystem>

#include "tunescope/train/trainer.hpp"

namespace tunescope {

// The checkpoint of a training run. Its tensors are the trained values, AdamW's moments and the outputs of the last
// evaluation; its text is a JSON object with the recorded steps and evaluations. Everything else that the next steps
// depend on (order of examples, dropout, schedule, head) is a function of seed and step and is computed again.

/// Writes the state of a run, atomically and with a checksum, in the format of `write_checked_tensors`.
void save_checkpoint(const std::filesystem::path& path, const TrainState& state);

/// Reads the state of a run. Throws `DataError` naming the file if it is damaged: truncated, changed, or of another
/// kind.
TrainState load_checkpoint(const std::filesystem::path& path);

}  // namespace tunescope
