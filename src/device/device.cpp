#include "tunescope/device/device.hpp"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "tunescope/device/host_memory.hpp"
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

std::vector<std::uint64_t> core_mask() {
  constexpr int kBits = std::numeric_limits<std::uint64_t>::digits;
  std::vector<std::uint64_t> words(CPU_SETSIZE / kBits);
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) words[static_cast<std::size_t>(core / kBits)] |= std::uint64_t{1} << (core % kBits);
  }
  return words;
}

int available_cores() {
  int cores = 0;
  for (const std::uint64_t word : core_mask()) cores += std::popcount(word);
  return std::max(cores, 1);
}

double available_memory(c10::Device device) {
  return device.is_cuda() ? available_cuda_memory(device) : available_host_memory();
}

int threads_per_rank(int cores_of_node, int local_ranks) {
  return std::max(1, cores_of_node / std::max(1, local_ranks));
}

}  // namespace tunescope
