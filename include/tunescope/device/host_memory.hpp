#pragma once

#include <filesystem>

namespace tunescope {

/// Lets this process keep freed host memory for its next allocations. By default glibc returns large blocks to the
/// kernel, which clears each page again when a step allocates it anew: a fifth of a training step on the CPU. Called
/// once, before the first tensor. The process then holds its peak of memory until it ends.
void keep_freed_memory();

/// Bytes of host memory that are free now: the least of what the machine has and what the control groups (versions 1
/// and 2) of this process leave, by which batch systems limit their jobs. Where none of them has a limit, what Slurm
/// says of the job counts (SLURM_MEM_PER_NODE, or SLURM_MEM_PER_CPU for SLURM_CPUS_ON_NODE), less what this process
/// has. `root` is the folder in place of "/", for tests.
double available_host_memory(const std::filesystem::path& root = "/");

}  // namespace tunescope
