#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// Which processor trains: `kAuto` is CUDA where the machine has a GPU, else the CPU.
enum class DeviceKind { kAuto, kCpu, kCuda };

/// The CUDA devices that this process can use.
struct CudaDevices {
  int count = 0;
  std::string problem = {};  ///< why there is none: the driver's words, or that the binary has no CUDA backend
};
CudaDevices find_cuda_devices();

/// Whether the machine has an NVIDIA driver, and so most likely a GPU, which this process was not told to leave alone
/// by a CUDA_VISIBLE_DEVICES that is empty, -1 or Slurm's NoDevFiles. `root` is the folder in place of "/", for tests.
bool expects_gpu(const std::filesystem::path& root = "/");

/// What `device_identity` gives for the CPU; smaller than every other.
constexpr std::int64_t kNoIdentity = -1;

/// A number that two processes of a node agree on exactly where they use the same GPU, whatever each of them sees it
/// numbered as (a launcher may show each rank one GPU only).
std::int64_t device_identity(c10::Device device);

/// Free bytes of a GPU.
double available_cuda_memory(c10::Device device);

/// What the binary was built with: "cpu", or "cpu, cuda 13.0, nccl 2.28.9".
std::string compiled_backends();

/// What `choose_device` decides by.
struct Machine {
  CudaDevices cuda = find_cuda_devices();
  bool has_driver = expects_gpu();

  /// "16 cores, 4 CUDA devices", and what keeps a GPU from being used where one seems to be there.
  std::string text() const;
};

/// The device of the rank with this node-local number: for CUDA its number modulo the visible devices. Throws
/// `DeviceError` where CUDA is asked for and there is none, and for `kAuto` where the machine has an NVIDIA driver but
/// this process no device: an allocation with GPUs is not spent on the CPU unless that is asked for.
c10::Device choose_device(DeviceKind kind, int local_rank, const Machine& machine = {});

/// Cores this process may use: its affinity mask, a bit a core in words of 64, the same number of words everywhere.
std::vector<std::uint64_t> core_mask();

/// How many those are; at least one.
int available_cores();

/// Bytes that are free now: of a GPU's memory, or of the host's, see `available_host_memory`.
double available_memory(c10::Device device);

/// How many threads a rank uses, and the variable of the environment that says so, empty where none does.
struct ThreadChoice {
  int count = 1;
  std::string_view variable = {};
};
/// What the job asks for; where that is 0, OMP_NUM_THREADS if set (of a list the first number), else
/// SLURM_CPUS_PER_TASK if the process may use that many cores, else its share of the node's cores, but no more than
/// `own_cores`. What is no number above 0 does not count.
ThreadChoice choose_threads(std::int64_t of_job, int own_cores, int share_of_node);

/// Threads a rank of a node with `local_ranks` ranks should use: the cores shared out, at least one.
int threads_per_rank(int cores_of_node, int local_ranks);

}  // namespace tunescope
