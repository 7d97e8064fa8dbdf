#include "tunescope/device/gpu.hpp"

#include <c10/cuda/CUDAException.h>
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <spdlog/fmt/fmt.h>

namespace tunescope {
namespace {

// Of the copy that LibTorch has loaded, which need not be the toolkit's, so it is not linked.
std::string cublas_version() {
  const auto property = reinterpret_cast<decltype(&cublasGetProperty)>(::dlsym(RTLD_DEFAULT, "cublasGetProperty"));
  int major = 0;
  int minor = 0;
  int patch = 0;
  const bool is_known = property != nullptr && property(MAJOR_VERSION, &major) == CUBLAS_STATUS_SUCCESS &&
                        property(MINOR_VERSION, &minor) == CUBLAS_STATUS_SUCCESS &&
                        property(PATCH_LEVEL, &patch) == CUBLAS_STATUS_SUCCESS;
  return is_known ? fmt::format("{}.{}.{}", major, minor, patch) : "unknown";
}

}  // namespace

GpuDescription describe_gpu(c10::Device device) {
  if (!device.is_cuda()) return {};
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, device.index()));
  int runtime = 0;
  C10_CUDA_CHECK(cudaRuntimeGetVersion(&runtime));
  return {.name = properties.name,
          .software = fmt::format("driver {}, CUDA {}.{}, cuBLAS {}", nvidia_driver_version(), runtime / 1000,
                                  runtime % 1000 / 10, cublas_version()),
          .compute_capability = 10 * properties.major + properties.minor};
}

std::string lasting_error_of(c10::Device device) {
  if (!device.is_cuda()) return "";
  cudaError_t error = cudaSetDevice(device.index());
  if (error == cudaSuccess) error = cudaDeviceSynchronize();
  cudaGetLastError();
  if (error == cudaSuccess) return "";
  return fmt::format("{} ({})", cudaGetErrorString(error), cudaGetErrorName(error));
}

}  // namespace tunescope
