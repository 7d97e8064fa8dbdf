#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// Which processor trains. `kAuto` is CUDA if the machine has a GPU, else the CPU.
enum class DeviceKind { kAuto, kCpu, kCuda };

/// The CUDA devices that this process can use.
struct CudaDevices {
  int count = 0;
  /// Why there are none: the driver's message, that the binary has no CUDA backend, or that the loader has found
  /// libraries of CUDA that are older than those that the binary was built with.
  std::string problem = {};
};
CudaDevices find_cuda_devices();

/// Whether this process is likely meant to use a GPU: the machine has an NVIDIA driver, and CUDA_VISIBLE_DEVICES does
/// not hide the GPUs (it does if it is empty, -1 or Slurm's NoDevFiles). `root` replaces "/" in tests.
bool expects_gpu(const std::filesystem::path& root = "/");

/// The result of the two functions below for the CPU; smaller than any other.
constexpr std::int64_t kNoIdentity = -1;

/// Numbers that are the same in two processes of a node if and only if they use the same GPU. The device index does not
/// tell, since a launcher may show each rank a single GPU, which then has index 0 in all of them. A GPU that is divided
/// by MIG has one place on the bus and a memory for each slice: `pci_identity` is of the whole GPU, as NCCL sees it,
/// `memory_identity` of the slice.
std::int64_t pci_identity(c10::Device device);
std::int64_t memory_identity(c10::Device device);

/// The identity of a PCI bus id such as "0000:17:00.0" (domain, bus, device and function, all hexadecimal).
std::int64_t pci_identity_of(std::string_view bus_id);

/// A shared library that the loader chose when the program started, and the version of the header that the binary was
/// compiled with.
struct LoadedLibrary {
  std::string_view name;  ///< "NCCL"
  std::string_view file;  ///< "libnccl.so.2"
  int compiled = 0;       ///< the library's own number of its version
  int loaded = 0;
  std::string (*version_text)(int number) = nullptr;
};
/// What is wrong with a library that is older than the header, and what to do; empty for one that is not.
std::string version_problem(const LoadedLibrary& library);

/// "13.0", of CUDA's number 13000; "2.28.9", of NCCL's number 22809.
std::string cuda_version_text(int number);
std::string nccl_version_text(int number);

/// Free memory of a GPU in bytes.
double available_cuda_memory(c10::Device device);

/// The most memory of a GPU that LibTorch has held in this process, in bytes; 0 for the CPU.
std::int64_t peak_device_memory(c10::Device device);

/// What the binary was built with: "cpu", or "cpu, cuda 13.0, nccl 2.28.9".
std::string compiled_backends();

/// What `choose_device` bases its decision on.
struct Machine {
  CudaDevices cuda = {};
  bool has_driver = false;
  bool has_looked = true;

  /// Looks for GPUs, but not for `kCpu`: a job on the CPU must run where the driver hangs or holds memory of a GPU.
  static Machine look_for(DeviceKind kind);

  /// "16 cores, 4 CUDA devices", and, if there seems to be a GPU that cannot be used, the reason.
  std::string text() const;
};

/// The device for the rank with this number on its node. For CUDA it is that number modulo the number of visible
/// devices. Throws `DeviceError` if CUDA is asked for and there is none. Also throws for `kAuto` if the machine has an
/// NVIDIA driver but this process sees no device, so that an allocation with GPUs is not spent on the CPU
/// unintentionally.
c10::Device choose_device(DeviceKind kind, int local_rank, const Machine& machine);
/// On this machine.
c10::Device choose_device(DeviceKind kind, int local_rank);

/// The cores that this process may use: its affinity mask, with one bit per core in words of 64 bits. The number of
/// words is the same on every machine.
std::vector<std::uint64_t> core_mask();

/// The number of these cores; at least 1.
int available_cores();

/// Free memory in bytes, of the GPU or of the host, see `available_host_memory`.
double available_memory(c10::Device device);

/// How many threads a rank uses, and the environment variable that says so; empty if none does.
struct ThreadChoice {
  int count = 1;
  std::string_view variable = {};
};
/// The number that the job asks for. If that is 0: OMP_NUM_THREADS if set (the first number of a list), else
/// SLURM_CPUS_PER_TASK if the process may use that many cores, else its share of the node's cores, but no more than
/// `own_cores`. A variable that is not a number above 0 is ignored.
ThreadChoice choose_threads(std::int64_t of_job, int own_cores, int share_of_node);

/// Threads per rank on a node with `local_ranks` ranks: an equal share of its cores, at least 1.
int threads_per_rank(int cores_of_node, int local_ranks);

}  // namespace tunescope
