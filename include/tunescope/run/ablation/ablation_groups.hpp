#pragma once

#include <vector>

#include "tunescope/plan/inputs.hpp"
#include "tunescope/plan/sweep_spec.hpp"

namespace tunescope {

/// The groups of `[ablation] groups`, behind the head alone, which tells what the trained model scores as it is and
/// what the initial one does under the trained head. None if the job has no ablation.
std::vector<Method> ablation_groups(const SweepSpec& spec);

/// Throws `ConfigError` if the model has none of the tensors of a group, or not as many scalars.
void check_ablation(const SweepSpec& spec, SweepInputs& inputs);

}  // namespace tunescope
