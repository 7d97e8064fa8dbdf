#pragma once

#include <optional>

#include "tunescope/sweep/spec.hpp"
#include "tunescope/sweep/trial.hpp"

namespace tunescope {

/// Keeps with the results what a sweep reads: `recorded_inputs` finds it when the data or the model are gone.
void record_inputs(const SweepSpec& spec, const InputHashes& hashes);

/// What the last sweep on the job's folder read, or where an older program ran it, what the merged file says. Nothing
/// where neither tells it of the model and every task of the job.
std::optional<InputHashes> recorded_inputs(const SweepSpec& spec);

}  // namespace tunescope
