#pragma once

#include "../kernel.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"

namespace tunescope {

using BatchLosses = void(std::span<const LossBatch> batches, std::span<const at::Tensor> logits_gradients);

const Kernel<BatchLosses>& batch_losses_kernel();

namespace cuda {
// Null in a build without CUDA.
extern BatchLosses* const batch_losses;
}  // namespace cuda

namespace aten {
BatchLosses batch_losses;
}  // namespace aten

}  // namespace tunescope
