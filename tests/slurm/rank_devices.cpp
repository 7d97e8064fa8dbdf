// Which GPU each rank of a job would train on, one line a rank: node, rank on the node, GPU. The GPUs are fake: what
// CUDA shows a process is taken from CUDA_VISIBLE_DEVICES, which the launcher sets.

#include <spdlog/fmt/fmt.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "tunescope/base/hostname.hpp"
#include "tunescope/device/device.hpp"
#include "tunescope/parallel/environment.hpp"

namespace tunescope {
namespace {

std::vector<std::int64_t> visible_gpus() {
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  std::istringstream stream(visible == nullptr ? "" : visible);
  std::vector<std::int64_t> gpus;
  for (std::string number; std::getline(stream, number, ',');) gpus.push_back(std::stoll(number));
  return gpus;
}

}  // namespace

// In place of the library's backend.
CudaDevices find_cuda_devices() { return {.count = static_cast<int>(visible_gpus().size())}; }
std::int64_t pci_identity(c10::Device device) { return visible_gpus().at(static_cast<std::size_t>(device.index())); }
std::int64_t memory_identity(c10::Device device) { return pci_identity(device); }
double available_cuda_memory(c10::Device) { return 0.0; }
std::int64_t peak_device_memory(c10::Device) { return 0; }
std::string compiled_backends() { return "fake"; }

}  // namespace tunescope

int main() {
  using namespace tunescope;
  MpiEnvironment mpi;
  const int local_rank = mpi.world().split_by_node().rank();
  const c10::Device device = choose_device(DeviceKind::kCuda, local_rank);
  fmt::print("{} {} {}\n", hostname(), local_rank, pci_identity(device));
  return 0;
}
