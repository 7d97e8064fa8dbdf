#include "tunescope/device/device.hpp"

namespace tunescope {

int cuda_device_count() { return 0; }

std::string compiled_backends() { return "cpu"; }

}  // namespace tunescope
