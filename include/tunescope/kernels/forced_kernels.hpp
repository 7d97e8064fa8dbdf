#pragma once

#include <c10/core/Device.h>

#include <optional>
#include <string_view>
#include <vector>

namespace tunescope {

/// Which implementation of a kernel runs whatever the device of the tensors.
enum class KernelBackend {
  kReference,  ///< composed of ATen's operations, as on a device that has no kernels of its own
  kCuda,  ///< those for GPUs. Tensors on the CPU need the emulator of the tests; on the meta device, shapes are theirs
};

/// While such an object lives, every kernel of the process runs that implementation where it has it. The last one made
/// counts.
class ForcedKernels {
 public:
  explicit ForcedKernels(KernelBackend backend);
  ~ForcedKernels();
  ForcedKernels(const ForcedKernels&) = delete;
  ForcedKernels& operator=(const ForcedKernels&) = delete;

  static std::optional<KernelBackend> backend();

 private:
  int before_;
};

/// Whether kernels for GPUs are to run on tensors of this device.
bool takes_gpu_kernels(at::Device device);

/// Which implementations a kernel has in this build, besides the reference, which all have.
struct KernelBackends {
  std::string_view name;
  bool has_cpu = false;
  bool has_cuda = false;
};
/// All kernels, by name.
std::vector<KernelBackends> kernel_backends();

}  // namespace tunescope
