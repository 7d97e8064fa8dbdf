#pragma once

#include "tunescope/plan/sweep_spec.hpp"

namespace tunescope {

/// What a job does on its devices.
enum class Stages { kTraining, kTrainingAndFisher };

/// The device of the rank with this number on its node, see `choose_device`. Also throws `DeviceError` if it cannot
/// compute these stages in the job's precision.
c10::Device job_device(const SweepSpec& spec, int local_rank, Stages stages = Stages::kTraining);

}  // namespace tunescope
