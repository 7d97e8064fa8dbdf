#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

/// What CUDA orders in time. What one thread does between two points that order memory is a segment. Segments are
/// numbered as they begin, over all launches, so that those before a launch, a block or a barrier are known by their
/// numbers. No segment has the number 0.
namespace tunescope::emulator::memory {

/// Returns whether the numbers begin again at 1.
bool begin_launch_order();
void begin_block_order(std::size_t threads);

/// The one that the thread is in.
std::uint32_t segment_of(unsigned thread);
/// Whether a segment has ended for the thread's eyes: all that it did is before what the thread does now.
bool is_ordered(std::uint32_t number, unsigned thread);
bool is_of_launch(std::uint32_t number);
bool is_of_block(std::uint32_t number);
/// Of a segment of this launch.
bool is_by(std::uint32_t number, unsigned thread);
std::string actor_of(std::uint32_t number);

/// An atomic operation gives what its thread knew at its last fence to all blocks that come to the same address later.
void note_atomic(const void* address, unsigned thread);

}  // namespace tunescope::emulator::memory
