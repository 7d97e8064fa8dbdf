#pragma once

#include "../kernel.hpp"
#include "tunescope/kernels/training/adamw.hpp"

namespace tunescope {

using AdamWSteps = void(std::span<const AdamWUpdate> updates);

const Kernel<AdamWSteps>& adamw_step_kernel();

namespace cuda {
// Null in a build without CUDA.
extern AdamWSteps* const adamw_step_;
}  // namespace cuda

namespace aten {
// ATen's fused kernel, which devices have too.
AdamWSteps adamw_step_;
}  // namespace aten

}  // namespace tunescope
