#include "tunescope/device/device.hpp"

#include <cuda_runtime_api.h>
#include <nccl.h>
#include <spdlog/fmt/fmt.h>

namespace tunescope {

int cuda_device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

std::string compiled_backends() {
  int nccl = 0;
  ncclGetVersion(&nccl);
  return fmt::format("cpu, cuda {}.{}, nccl {}.{}.{}", CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10, nccl / 10000,
                     nccl % 10000 / 100, nccl % 100);
}

}  // namespace tunescope
