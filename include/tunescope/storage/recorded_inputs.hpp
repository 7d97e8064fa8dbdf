#pragma once

#include <optional>

#include "tunescope/plan/sweep_spec.hpp"
#include "tunescope/plan/trial.hpp"

namespace tunescope {

/// Keeps with the results what a sweep reads: `recorded_inputs` finds it when the data or the model are gone.
void record_inputs(const SweepSpec& spec, const InputHashes& hashes);

/// What the last sweep on the job's folder read or, if an older program ran it, what the merged file says. Nothing if
/// neither knows the model and every task of the job.
std::optional<InputHashes> recorded_inputs(const SweepSpec& spec);

}  // namespace tunescope
