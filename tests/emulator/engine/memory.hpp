#pragma once

#include <cstddef>
#include <source_location>
#include <string>

#include "block.hpp"

/// What is known of each address that device code touches: who has written and read it, and whether that is ordered
/// before the access at hand. Errors are races, accesses out of bounds, and reads of shared memory that nobody wrote.
namespace tunescope::emulator::memory {

enum class Access { kRead, kWrite };

void begin_launch();
void begin_block(std::size_t threads);
void add_shared_array(std::size_t place, const char* name, std::size_t bytes);
/// Addresses that belong to single threads.
void ignore(const void* first, std::size_t bytes);

// What orders accesses: barriers of the block, `__syncwarp`, and between blocks an atomic operation after a fence.
void order_block();
void order_lanes(unsigned first_thread, unsigned mask);
void fence(unsigned thread);
void atomic(const void* address, std::size_t bytes, const std::source_location& where);

/// An access by the running thread, at this place in the machine code.
void access(const void* address, std::size_t bytes, Access kind, const void* code);

/// Of the engine: the thread that runs now, or null, and how a launch ends.
const Thread* running();
[[noreturn]] void fail(const void* code, std::string what);

}  // namespace tunescope::emulator::memory
