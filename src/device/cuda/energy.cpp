#include "tunescope/device/energy.hpp"

#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <array>
#include <limits>

namespace tunescope {
namespace {

constexpr double kJoulesPerMillijoule = 1e-3;
constexpr double kNever = std::numeric_limits<double>::quiet_NaN();
constexpr int kNvmlSuccess = 0;
using NvmlDevice = void*;

// The functions of the driver's library, which need not be there when the program is built. Their types are those of
// nvml.h, with enumerations as int.
struct Nvml {
  int (*init)() = nullptr;
  int (*find)(const char* pci_bus_id, NvmlDevice* device) = nullptr;
  int (*read_energy)(NvmlDevice device, unsigned long long* millijoules) = nullptr;

  Nvml() {
    void* const library = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    init = reinterpret_cast<decltype(init)>(::dlsym(library, "nvmlInit_v2"));
    find = reinterpret_cast<decltype(find)>(::dlsym(library, "nvmlDeviceGetHandleByPciBusId_v2"));
    read_energy = reinterpret_cast<decltype(read_energy)>(::dlsym(library, "nvmlDeviceGetTotalEnergyConsumption"));
    is_ready = init != nullptr && find != nullptr && read_energy != nullptr && init() == kNvmlSuccess;
  }

  bool is_ready = false;
};

std::optional<double> joules_of(const Nvml& nvml, NvmlDevice device) {
  unsigned long long millijoules = 0;
  if (nvml.read_energy(device, &millijoules) != kNvmlSuccess) return std::nullopt;
  return kJoulesPerMillijoule * static_cast<double>(millijoules);
}

}  // namespace

std::vector<EnergyCounter> gpu_energy_counters(c10::Device device) {
  static const Nvml nvml;
  std::array<char, 32> bus_id{};
  NvmlDevice found = nullptr;
  const bool is_found =
      nvml.is_ready &&
      cudaDeviceGetPCIBusId(bus_id.data(), static_cast<int>(bus_id.size()), device.index()) == cudaSuccess &&
      nvml.find(bus_id.data(), &found) == kNvmlSuccess;
  if (!is_found || !joules_of(nvml, found)) return {};
  return {{.read = [found] { return joules_of(nvml, found); }, .range = kNever}};
}

}  // namespace tunescope
