#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tunescope {

/// Runs `work` in a child process and returns its text, so that a library that crashes on damaged input, or never comes
/// to an end, takes nothing along. Throws `Error` with the message of what `work` throws, or telling that the child
/// died or needed more than `cpu_seconds`. Not for a process that has started MPI: its network drivers may not survive
/// a fork.
std::string run_isolated(const std::function<std::string()>& work, std::uint64_t cpu_seconds);

}  // namespace tunescope
