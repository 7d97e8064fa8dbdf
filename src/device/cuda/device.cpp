#include "tunescope/device/device.hpp"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <cudaTypedefs.h>
#include <cuda_runtime_api.h>
#include <nccl.h>
#include <spdlog/fmt/fmt.h>

#include <array>
#include <cstring>
#include <limits>

namespace tunescope {
namespace {

LoadedLibrary loaded_nccl() {
  int loaded = 0;
  ncclGetVersion(&loaded);
  return {.name = "NCCL",
          .file = "libnccl.so.2",
          .compiled = NCCL_VERSION_CODE,
          .loaded = loaded,
          .version_text = nccl_version_text};
}

LoadedLibrary loaded_cuda_runtime() {
  int loaded = 0;
  cudaRuntimeGetVersion(&loaded);
  return {.name = "CUDA's runtime",
          .file = "libcudart.so.13",
          .compiled = CUDART_VERSION,
          .loaded = loaded,
          .version_text = cuda_version_text};
}

// A function of the driver in the version of this CUDA version; null if the driver does not have it. The program does
// not link the driver, which machines without a GPU lack.
template <typename Function>
Function driver_function(const char* name, unsigned int version) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  const cudaError_t error = cudaGetDriverEntryPointByVersion(name, &function, version, cudaEnableDefault, &found);
  if (error != cudaSuccess || found != cudaDriverEntryPointSuccess) return nullptr;
  return reinterpret_cast<Function>(function);
}

// The driver's version of 11.4 (`cuDeviceGetUuid_v2`) is documented to give a slice of MIG an identifier of its own.
// For the runtime's property nothing is documented, so it only stands in where the driver does not answer. A slice may
// be divided further, into compute instances that share its memory but not its identifier; their ranks count the memory
// more than once.
CUuuid uuid_of(c10::Device device) {
  const auto get_device = driver_function<PFN_cuDeviceGet_v2000>("cuDeviceGet", 2000);
  const auto get_uuid = driver_function<PFN_cuDeviceGetUuid_v11040>("cuDeviceGetUuid", 11040);
  CUdevice handle{};
  CUuuid uuid{};
  const bool is_answered = get_device != nullptr && get_uuid != nullptr &&
                           get_device(&handle, device.index()) == CUDA_SUCCESS &&
                           get_uuid(&uuid, handle) == CUDA_SUCCESS;
  if (is_answered) return uuid;
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, device.index()));
  return properties.uuid;
}

}  // namespace

CudaDevices find_cuda_devices() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) return {.count = 0, .problem = cudaGetErrorString(error)};
  if (count == 0) return {.count = 0, .problem = "the driver shows none"};
  for (const LoadedLibrary& library : {loaded_cuda_runtime(), loaded_nccl()}) {
    std::string problem = version_problem(library);
    if (!problem.empty()) return {.count = 0, .problem = std::move(problem)};
  }
  return {.count = count};
}

std::int64_t pci_identity(c10::Device device) {
  if (!device.is_cuda()) return kNoIdentity;
  std::array<char, 32> bus_id{};
  C10_CUDA_CHECK(cudaDeviceGetPCIBusId(bus_id.data(), static_cast<int>(bus_id.size()), device.index()));
  return pci_identity_of(bus_id.data());
}

std::int64_t memory_identity(c10::Device device) {
  if (!device.is_cuda()) return kNoIdentity;
  const CUuuid uuid = uuid_of(device);
  std::int64_t halves[2];
  static_assert(sizeof halves == sizeof uuid);
  std::memcpy(halves, &uuid, sizeof halves);
  return (halves[0] ^ halves[1]) & std::numeric_limits<std::int64_t>::max();
}

double available_cuda_memory(c10::Device device) {
  const c10::cuda::CUDAGuard guard(device);
  std::size_t free = 0;
  std::size_t total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return static_cast<double>(free);
}

std::int64_t peak_device_memory(c10::Device device) {
  if (!device.is_cuda()) return 0;
  constexpr auto kAllPools = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return c10::cuda::CUDACachingAllocator::getDeviceStats(device.index()).reserved_bytes[kAllPools].peak;
}

std::string compiled_backends() {
  return fmt::format("cpu, cuda {}, nccl {}", cuda_version_text(CUDART_VERSION),
                     nccl_version_text(loaded_nccl().loaded));
}

}  // namespace tunescope
