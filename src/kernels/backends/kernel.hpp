#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

#include "tunescope/base/error.hpp"
#include "tunescope/kernels/forced_kernels.hpp"

namespace tunescope {

/// One kernel and its implementations, which all have the same contract. They write into tensors that the caller of the
/// kernel's public function gets; that function checks the shapes, allocates the results and chooses.
template <typename Function>
struct Kernel {
  std::string_view name;
  Function* reference;       ///< of ATen's operations, on any device, in float32 and float64
  Function* cpu = nullptr;   ///< null: none
  Function* cuda = nullptr;  ///< null: none, or not compiled in

  /// Which of a device's own implementations take the arguments of a call.
  struct Covered {
    bool by_cpu = true;
    bool by_cuda = true;
  };
  /// The one for `device`: the reference where there is no other, or where the device's own does not take the
  /// arguments.
  Function& on(at::Device device, const Covered& is_covered) const {
    if (ForcedKernels::backend() == KernelBackend::kReference) return *reference;
    if (takes_gpu_kernels(device) && cuda != nullptr && is_covered.by_cuda) return *cuda;
    return device.is_cpu() && cpu != nullptr && is_covered.by_cpu ? *cpu : *reference;
  }
  Function& on(at::Device device) const { return on(device, {}); }
};

/// On LibTorch's meta device, which has shapes and no numbers, nothing is to be computed.
inline bool has_numbers(const at::Tensor& tensor) { return !tensor.is_meta(); }

/// Throws `Error`: what a kernel was given is not what its contract says. A mistake of the program, not of a user.
inline void check_contract(bool holds, std::string_view kernel, std::string_view contract) {
  if (!holds) throw Error(std::string(kernel) + ": " + std::string(contract));
}

}  // namespace tunescope
