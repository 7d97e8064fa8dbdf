#pragma once

#include "tunescope/plan/sweep_spec.hpp"

namespace tunescope {

/// The device that trains for the rank with this number on its node, see `choose_device`. Also throws `DeviceError` if
/// it cannot compute in the job's precision.
c10::Device job_device(const SweepSpec& spec, int local_rank);

}  // namespace tunescope
