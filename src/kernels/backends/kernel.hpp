#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

#include "tunescope/base/error.hpp"
#include "tunescope/kernels/reference_kernels.hpp"

namespace tunescope {

/// One kernel and its implementations, which all have the same contract. They write into tensors that the caller of the
/// kernel's public function gets; that function checks the shapes, allocates the results and chooses.
template <typename Function>
struct Kernel {
  std::string_view name;
  Function* reference;       ///< of ATen's operations, on any device, in float32 and float64
  Function* cpu = nullptr;   ///< null: none
  Function* cuda = nullptr;  ///< null: none, or not compiled in

  /// The one for `device`: the reference where there is no other, or where `is_covered` says that the device's own does
  /// not take these arguments.
  Function& on(at::Device device, bool is_covered = true) const {
    Function* const own = device.is_cpu() ? cpu : device.is_cuda() ? cuda : nullptr;
    const bool is_own = own != nullptr && is_covered && !ReferenceKernels::are_forced();
    return is_own ? *own : *reference;
  }
};

/// On LibTorch's meta device, which has shapes and no numbers, nothing is to be computed.
inline bool has_numbers(const at::Tensor& tensor) { return !tensor.is_meta(); }

/// Throws `Error`: what a kernel was given is not what its contract says. A mistake of the program, not of a user.
inline void check_contract(bool holds, std::string_view kernel, std::string_view contract) {
  if (!holds) throw Error(std::string(kernel) + ": " + std::string(contract));
}

}  // namespace tunescope
