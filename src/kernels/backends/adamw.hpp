#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/adamw.hpp"

namespace tunescope {

using AdamWUpdate = void(const AdamWBuffers& buffers, const AdamWStep& step);

const Kernel<AdamWUpdate>& adamw_step_kernel();

namespace aten {
// ATen's fused kernel, which devices have too.
AdamWUpdate adamw_step_;
}  // namespace aten

}  // namespace tunescope
