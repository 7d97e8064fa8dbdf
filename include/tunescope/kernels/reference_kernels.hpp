#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// While such an object lives, every kernel of the process runs its reference implementation, composed of ATen
/// operations, as on a device that has no kernels of its own.
class ReferenceKernels {
 public:
  ReferenceKernels();
  ~ReferenceKernels();
  ReferenceKernels(const ReferenceKernels&) = delete;
  ReferenceKernels& operator=(const ReferenceKernels&) = delete;

  static bool are_forced();
};

/// Which implementations a kernel has in this build, besides the reference, which all have.
struct KernelBackends {
  std::string_view name;
  bool has_cpu = false;
  bool has_cuda = false;
};
/// All kernels, by name.
std::vector<KernelBackends> kernel_backends();

}  // namespace tunescope
