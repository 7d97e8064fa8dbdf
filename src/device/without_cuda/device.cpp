#include "tunescope/device/device.hpp"

namespace tunescope {

CudaDevices find_cuda_devices() { return {.count = 0, .problem = "this binary was built without CUDA"}; }

std::int64_t pci_identity(c10::Device) { return kNoIdentity; }

std::int64_t memory_identity(c10::Device) { return kNoIdentity; }

double available_cuda_memory(c10::Device) { return 0.0; }

std::int64_t peak_device_memory(c10::Device) { return 0; }

std::string compiled_backends() { return "cpu"; }

}  // namespace tunescope
