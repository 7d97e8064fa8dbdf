#include "tunescope/kernels/forced_kernels.hpp"

namespace tunescope {
namespace {

// In the programs that this file is linked into, tensors on the CPU go through the kernels for GPUs.
const ForcedKernels emulated(KernelBackend::kCuda);

}  // namespace
}  // namespace tunescope
