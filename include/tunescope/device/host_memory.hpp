#pragma once

#include <cstdint>
#include <filesystem>

namespace tunescope {

/// Lets this process keep freed host memory for later allocations. By default glibc returns large blocks to the kernel,
/// which must clear each page when the next step allocates it again; that takes a fifth of a training step on the CPU.
/// Must be called once, before the first tensor is allocated. The process then holds its peak memory until it ends.
void keep_freed_memory();

/// Host memory that this process can still allocate, in bytes: the minimum of what the machine has free and what the
/// control groups of the process (versions 1 and 2), with which batch systems limit jobs, leave. If none of them has a
/// limit, the limit that Slurm states counts (SLURM_MEM_PER_NODE, or SLURM_MEM_PER_CPU times SLURM_CPUS_ON_NODE), minus
/// what this process has. `root` replaces "/" in tests.
double available_host_memory(const std::filesystem::path& root = "/");

/// The most host memory that this process has held since it started, in bytes; 0 if the kernel does not tell it. `root`
/// replaces "/" in tests.
std::int64_t peak_host_memory(const std::filesystem::path& root = "/");

}  // namespace tunescope
