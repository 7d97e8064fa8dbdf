#include "tunescope/device/device.hpp"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>
#include <nccl.h>
#include <spdlog/fmt/fmt.h>

#include <cstring>
#include <limits>

namespace tunescope {

CudaDevices find_cuda_devices() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) return {.count = 0, .problem = cudaGetErrorString(error)};
  return {.count = count, .problem = count > 0 ? "" : "the driver shows none"};
}

std::int64_t device_identity(c10::Device device) {
  if (!device.is_cuda()) return kNoIdentity;
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, device.index()));
  std::int64_t halves[2];
  static_assert(sizeof halves == sizeof properties.uuid);
  std::memcpy(halves, &properties.uuid, sizeof halves);
  return (halves[0] ^ halves[1]) & std::numeric_limits<std::int64_t>::max();
}

double available_cuda_memory(c10::Device device) {
  const c10::cuda::CUDAGuard guard(device);
  std::size_t free = 0;
  std::size_t total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return static_cast<double>(free);
}

std::string compiled_backends() {
  int nccl = 0;
  ncclGetVersion(&nccl);
  return fmt::format("cpu, cuda {}.{}, nccl {}.{}.{}", CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10, nccl / 10000,
                     nccl % 10000 / 100, nccl % 100);
}

}  // namespace tunescope
