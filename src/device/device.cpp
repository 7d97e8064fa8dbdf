#include "tunescope/device/device.hpp"

#include <sched.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <system_error>

#include "tunescope/base/environment_number.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/device/host_memory.hpp"

namespace tunescope {

bool expects_gpu(const std::filesystem::path& root) {
  // Slurm writes "NoDevFiles" if the job has no GPU.
  constexpr std::array<std::string_view, 3> kHidden = {"", "-1", "NoDevFiles"};
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (visible != nullptr && std::ranges::find(kHidden, std::string_view(visible)) != kHidden.end()) return false;
  std::error_code ignored;
  return std::filesystem::exists(root / "proc/driver/nvidia/version", ignored) ||
         std::filesystem::exists(root / "dev/nvidiactl", ignored);
}

Machine Machine::look_for(DeviceKind kind) {
  if (kind == DeviceKind::kCpu) return {.has_looked = false};
  return {.cuda = find_cuda_devices(), .has_driver = expects_gpu()};
}

std::string Machine::text() const {
  const auto counted = [](int count, const std::string& noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
  };
  const std::string cores = counted(available_cores(), "core");
  if (!has_looked) return cores;
  if (cuda.count > 0) return cores + ", " + counted(cuda.count, "CUDA device");
  return cores + (has_driver ? ", an NVIDIA driver but no usable GPU: " + cuda.problem : ", no GPU");
}

c10::Device choose_device(DeviceKind kind, int local_rank) {
  return choose_device(kind, local_rank, Machine::look_for(kind));
}

c10::Device choose_device(DeviceKind kind, int local_rank, const Machine& machine) {
  if (kind == DeviceKind::kCpu) return c10::kCPU;
  const int devices = machine.cuda.count;
  if (devices > 0) return {c10::kCUDA, static_cast<c10::DeviceIndex>(local_rank % devices)};
  const std::string problem = machine.cuda.problem + " (backends compiled in: " + compiled_backends() + ")";
  if (kind == DeviceKind::kCuda) {
    throw DeviceError("[run] device = cuda, but no CUDA device can be used: " + problem +
                      "; use device = cpu, or a binary built with -DTUNESCOPE_CUDA=ON on a machine with a GPU");
  }
  if (!machine.has_driver) return c10::kCPU;
  throw DeviceError("this machine has an NVIDIA driver, but no CUDA device can be used: " + problem +
                    "; use a binary of 'cmake --preset cuda' in an allocation with GPUs, or give --run.device cpu to "
                    "train on the CPU");
}

std::int64_t pci_identity_of(std::string_view bus_id) {
  std::string digits(bus_id);
  std::erase_if(digits, [](char c) { return c == ':' || c == '.'; });
  std::int64_t number = kNoIdentity;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (error == std::errc() && end == digits.data() + digits.size()) return number;
  throw DeviceError("CUDA names the place of a GPU '" + std::string(bus_id) +
                    "', which is no PCI bus id such as 0000:17:00.0; choose reducer = mpi");
}

std::string version_problem(const LoadedLibrary& library) {
  if (library.loaded >= library.compiled) return "";
  return fmt::format(
      "the loader has found {} {} as {}, but this binary was built with {} and may call what the older one lacks; put "
      "the folder of the newer {} first in LD_LIBRARY_PATH (or take that of the older one out), or build again with "
      "the "
      "older one's headers",
      library.name, library.version_text(library.loaded), library.file, library.version_text(library.compiled),
      library.file);
}

std::string cuda_version_text(int number) { return fmt::format("{}.{}", number / 1000, number % 1000 / 10); }

std::string nccl_version_text(int number) {
  return fmt::format("{}.{}.{}", number / 10000, number % 10000 / 100, number % 100);
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

ThreadChoice choose_threads(std::int64_t of_job, int own_cores, int share_of_node) {
  if (of_job > 0) return {.count = static_cast<int>(of_job)};
  if (const auto count = positive_number_of("OMP_NUM_THREADS")) return {static_cast<int>(*count), "OMP_NUM_THREADS"};
  const auto of_slurm = positive_number_of("SLURM_CPUS_PER_TASK");
  if (of_slurm && *of_slurm <= own_cores) return {static_cast<int>(*of_slurm), "SLURM_CPUS_PER_TASK"};
  return {.count = std::min(share_of_node, own_cores)};
}

int threads_per_rank(int cores_of_node, int local_ranks) {
  return std::max(1, cores_of_node / std::max(1, local_ranks));
}

}  // namespace tunescope
