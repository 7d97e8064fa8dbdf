#pragma once

// An emulator of CUDA's execution model, for the device code of src/kernels/cuda compiled as plain C++. The threads of
// a block are fibers of one thread of the host. They run in an order drawn from a seed, and change places where CUDA's
// threads meet: at barriers, and at the operations of a warp. What CUDA leaves undefined and a GPU may forgive is an
// error here (`EmulatorError`).

#include <math.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <source_location>
#include <stdexcept>
#include <vector>

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3() = default;
  constexpr dim3(unsigned x, unsigned y = 1, unsigned z = 1)
      : x(x), y(y), z(z) {}  // NOLINT(google-explicit-constructor)
};

namespace tunescope::emulator {

/// What device code did that CUDA does not define.
class EmulatorError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

struct Shape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
};

/// Runs `kernel` once for each thread of each block.
void run(const Shape& shape, const std::function<void()>& kernel);

/// Number of launches so far.
std::int64_t launches();
/// The order of threads and blocks from now on.
void set_seed(std::uint64_t seed);

struct Place {
  dim3 thread, block, block_size, grid_size;
};
/// Of the thread that runs now.
const Place& place();

/// Waits until all threads of the block that have not ended are at the barrier of the same line.
void block_barrier(std::source_location where = std::source_location::current());

/// Waits until all lanes of `mask` are at this operation of the same line, and returns what each has brought: `bytes`
/// bytes of each of 32 lanes, one after another. Lanes that are not in the mask have zeros.
const std::byte* warp_meeting(unsigned mask, const void* own, std::size_t bytes, const std::source_location& where);

/// The number of this thread in its warp.
unsigned lane();

/// Shared memory of the block: the same for all its threads that ask with the same `tag`. It starts as NaN.
std::byte* shared(const void* tag, std::size_t bytes);
std::byte* dynamic_shared_bytes();

template <typename Value>
Value lane_of(const std::byte* all, unsigned lane) {
  Value value;
  std::memcpy(&value, all + lane * sizeof(Value), sizeof(Value));
  return value;
}

/// The value of lane `source` for each lane; the source must be in the mask.
template <typename Value>
Value shuffle(unsigned mask, Value value, unsigned source, const std::source_location& where) {
  const std::byte* const all = warp_meeting(mask, &value, sizeof value, where);
  if (source >= 32 || (mask >> source & 1U) == 0) throw EmulatorError("a shuffle reads a lane that is not in its mask");
  return lane_of<Value>(all, source);
}

}  // namespace tunescope::emulator

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define SHARED_ARRAY(type, name, count) \
  static const char name##_tag = 0;     \
  auto* const name = reinterpret_cast<type*>(::tunescope::emulator::shared(&name##_tag, sizeof(type) * (count)))

#define threadIdx (::tunescope::emulator::place().thread)
#define blockIdx (::tunescope::emulator::place().block)
#define blockDim (::tunescope::emulator::place().block_size)
#define gridDim (::tunescope::emulator::place().grid_size)

namespace tunescope {

template <typename Type>
Type* dynamic_shared() {
  return reinterpret_cast<Type*>(emulator::dynamic_shared_bytes());
}

inline void __syncthreads(std::source_location where = std::source_location::current()) {
  emulator::block_barrier(where);
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFU, std::source_location where = std::source_location::current()) {
  emulator::warp_meeting(mask, nullptr, 0, where);
}
template <typename Value>
Value __shfl_sync(unsigned mask, Value value, int source,
                  std::source_location where = std::source_location::current()) {
  return emulator::shuffle(mask, value, static_cast<unsigned>(source) % 32, where);
}
template <typename Value>
Value __shfl_xor_sync(unsigned mask, Value value, int lanes,
                      std::source_location where = std::source_location::current()) {
  return emulator::shuffle(mask, value, emulator::lane() ^ static_cast<unsigned>(lanes), where);
}
template <typename Value>
Value __shfl_down_sync(unsigned mask, Value value, unsigned lanes,
                       std::source_location where = std::source_location::current()) {
  const unsigned source = emulator::lane() + lanes;
  return emulator::shuffle(mask, value, source < 32 ? source : emulator::lane(), where);
}
inline unsigned __ballot_sync(unsigned mask, bool is_true,
                              std::source_location where = std::source_location::current()) {
  const std::byte* const all = emulator::warp_meeting(mask, &is_true, sizeof is_true, where);
  unsigned bits = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if ((mask >> lane & 1U) != 0 && emulator::lane_of<bool>(all, lane)) bits |= 1U << lane;
  }
  return bits;
}

inline std::uint32_t __umulhi(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(a) * b) >> 32U);
}
inline void __threadfence() {}
template <typename Number>
Number atomicAdd(Number* address, Number value) {
  const Number before = *address;
  *address += value;
  return before;
}
inline float rsqrtf(float value) { return 1.0F / std::sqrt(value); }

struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) uint4 {
  std::uint32_t x, y, z, w;
};
struct alignas(8) uint2 {
  std::uint32_t x, y;
};

}  // namespace tunescope
