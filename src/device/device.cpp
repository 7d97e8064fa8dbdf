#include "tunescope/device/device.hpp"

#include <sched.h>

#include <algorithm>

#include "tunescope/error.hpp"

namespace tunescope {

c10::Device choose_device(DeviceKind kind, int local_rank) {
  if (kind == DeviceKind::kCpu) return c10::kCPU;
  const int devices = cuda_device_count();
  if (devices > 0) return {c10::kCUDA, static_cast<c10::DeviceIndex>(local_rank % devices)};
  if (kind == DeviceKind::kAuto) return c10::kCPU;
  throw DeviceError("[run] device = cuda, but no CUDA device is visible (backends compiled in: " + compiled_backends() +
                    "); use device = cpu, or a binary built with -DTUNESCOPE_CUDA=ON on a machine with a GPU");
}

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

int threads_per_rank(int cores_of_node, int local_ranks) {
  return std::max(1, cores_of_node / std::max(1, local_ranks));
}

}  // namespace tunescope
