#pragma once

#include <source_location>
#include <string>
#include <vector>

#include "../emulator.hpp"

namespace tunescope::emulator {

inline constexpr unsigned kWarpSize = 32;
inline constexpr std::size_t kMaxSharedBytes = 227 * 1024;
inline constexpr std::size_t kMaxStaticBytes = 48 * 1024;

enum class State { kRuns, kAtBarrier, kInWarp, kEnded };

struct Thread {
  unsigned number = 0;
  dim3 index;
  State state = State::kRuns;
  // Where it waits, and for a warp's operation what it brings.
  std::source_location where;
  unsigned mask = 0;
  bool orders_memory = false;
  const void* brought = nullptr;
  std::size_t bytes = 0;
};

struct SharedArray {
  const void* tag;  ///< null: the memory whose size the launch gives
  const char* name;
  std::size_t bytes;
};

/// The block that runs now: its threads, where they wait, and its shared memory. Both engines have one.
class Block {
 public:
  /// Throws if the launch is over a limit.
  void begin_launch(const Shape& shape);
  /// The numbers of the launch's blocks, in an order drawn from the seed.
  const std::vector<dim3>& blocks() const { return blocks_; }
  void begin_block(const dim3& index);

  /// Lets the threads go on that wait for each other and are all there, when none can go on by itself. Throws if none
  /// of them ever will, or if they disagree.
  void release();

  const std::byte* exchanged(const Thread& thread) const { return exchanged_[thread.number / kWarpSize].data(); }
  std::byte* shared(const Thread& thread, const SharedArray& array);

  /// "FILE:LINE: thread (x, y, z) of block (x, y, z): WHAT".
  EmulatorError error(const std::string& where, const Thread& thread, const std::string& what) const;

  std::vector<Thread> threads;
  Shape shape;
  dim3 index;

 private:
  bool release_warps();
  bool is_complete(const Thread& thread) const;
  void exchange(const Thread& thread);
  void release_barrier();

  std::vector<dim3> blocks_;
  std::vector<std::vector<std::byte>> exchanged_;  // by warp
  std::vector<SharedArray> arrays_;
  std::size_t static_bytes_ = 0;
};

/// Draws orders.
class Random {
 public:
  using result_type = std::uint64_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  explicit Random(std::uint64_t seed) : state_(seed) {}
  // SplitMix64 (Steele et al. 2014).
  result_type operator()() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

 private:
  std::uint64_t state_;
};
Random& random_order();

std::string text_of(const std::source_location& where);
std::string text_of(const dim3& index);
/// "FILE:LINE" of machine code, as its debug information says.
std::string line_of_code(const void* code);

/// Each array of shared memory has its place in an arena, with more than all of shared memory after it.
inline constexpr std::size_t kArrayStride = 256 * 1024;
inline constexpr std::size_t kMaxArrays = 64;
std::byte* shared_arena();

}  // namespace tunescope::emulator
