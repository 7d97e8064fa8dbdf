#include "tunescope/device/device.hpp"

namespace tunescope {

int cuda_device_count() { return 0; }

std::int64_t device_identity(c10::Device) { return kNoIdentity; }

std::string compiled_backends() { return "cpu"; }

}  // namespace tunescope
