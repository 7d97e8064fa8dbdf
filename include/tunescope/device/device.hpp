#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tunescope {

/// Which processor trains: `kAuto` is CUDA where this binary and the machine have it, else the CPU.
enum class DeviceKind { kAuto, kCpu, kCuda };

/// Number of CUDA devices this process sees; 0 where the binary has no CUDA backend.
int cuda_device_count();

/// What `device_identity` gives for the CPU; smaller than every other.
constexpr std::int64_t kNoIdentity = -1;

/// A number that two processes of a node agree on exactly where they use the same GPU, whatever each of them sees it
/// numbered as (a launcher may show each rank one GPU only).
std::int64_t device_identity(c10::Device device);

/// Free bytes of a GPU.
double available_cuda_memory(c10::Device device);

/// What the binary was built with: "cpu", or "cpu, cuda 13.0, nccl 2.28.9".
std::string compiled_backends();

/// The device of the rank with this node-local number: for CUDA its number modulo the visible devices. Throws
/// `DeviceError` where CUDA is asked for and there is none.
c10::Device choose_device(DeviceKind kind, int local_rank);

/// Cores this process may use: its affinity mask, a bit a core in words of 64, the same number of words everywhere.
std::vector<std::uint64_t> core_mask();

/// How many those are; at least one.
int available_cores();

/// Bytes that are free now: of a GPU's memory, or of the host's, see `available_host_memory`.
double available_memory(c10::Device device);

/// Threads a rank of a node with `local_ranks` ranks should use: the cores shared out, at least one.
int threads_per_rank(int cores_of_node, int local_ranks);

}  // namespace tunescope
