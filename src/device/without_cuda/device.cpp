#include "tunescope/device/device.hpp"

namespace tunescope {

int cuda_device_count() { return 0; }

std::int64_t device_identity(c10::Device) { return kNoIdentity; }

double available_cuda_memory(c10::Device) { return 0.0; }

std::string compiled_backends() { return "cpu"; }

}  // namespace tunescope
