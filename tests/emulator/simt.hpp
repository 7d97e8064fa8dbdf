#pragma once

// An emulator of CUDA's execution model, for the device code of src/kernels/cuda compiled as plain C++. The threads of
// a block run in an order drawn from a seed and change places where CUDA's threads meet: at barriers, and at the
// operations of a warp. What CUDA leaves undefined and a GPU may forgive is an error here (`EmulatorError`).
//
// This file is the language of device code. Two engines run it: `engine/fibers.cpp`, whose threads are fibers of one
// thread of the host, and `engine/threads.cpp`, whose threads are the host's, for ThreadSanitizer.

#include <math.h>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <source_location>
#include <string>
#include <type_traits>

#include "emulator.hpp"

namespace tunescope::emulator {

/// Of the thread that runs now.
dim3 thread_index();
dim3 block_index();
dim3 block_size();
dim3 grid_size();
/// The number of this thread in its warp.
unsigned lane();

/// Ends the launch with an `EmulatorError`.
[[noreturn]] void fail(const std::source_location& where, std::string what);

/// Waits until all threads of the block that have not ended are at the barrier of the same line.
void block_barrier(const std::source_location& where);

/// Waits until all lanes of `mask` are at this operation of the same line, and returns what each has brought: `bytes`
/// bytes of each of 32 lanes, one after another.
const std::byte* warp_meeting(unsigned mask, const void* own, std::size_t bytes, const std::source_location& where);
/// The same, with nothing to bring. It alone orders the lanes' accesses to memory, as in CUDA.
void warp_barrier(unsigned mask, const std::source_location& where);

/// Shared memory of the block: the same for all its threads that ask with the same `tag`. It starts as NaN.
std::byte* shared(const void* tag, const char* name, std::size_t bytes);
std::byte* dynamic_shared_bytes();

/// The matrix instruction of src/kernels/cuda/device/matrix.hpp, in bfloat16 or in TF32.
void multiply_accumulate(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], bool is_bfloat16,
                         const std::source_location& where);

void memory_fence();
/// Says that an atomic operation of this size follows.
void before_atomic(const void* address, std::size_t bytes, const std::source_location& where);

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
  if (source >= 32 || (mask >> source & 1U) == 0) {
    fail(where, "the shuffle reads lane " + std::to_string(source) + ", which is not in its mask");
  }
  return lane_of<Value>(all, source);
}

inline void check_alignment(const void* address, std::size_t bytes, const std::source_location& where) {
  if (reinterpret_cast<std::uintptr_t>(address) % bytes == 0) return;
  fail(where, "an access to " + std::to_string(bytes) + " bytes at an address that is not a multiple of that");
}

}  // namespace tunescope::emulator

// Inlined, as nvcc does: what a function returns as a structure would else be stored where no hook sees it.
#pragma GCC diagnostic ignored "-Wattributes"
#define __global__
#define __device__ __attribute__((always_inline))
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define SHARED_ARRAY(type, name, count) \
  static const char name##_tag = 0;     \
  auto* const name = reinterpret_cast<type*>(::tunescope::emulator::shared(&name##_tag, #name, sizeof(type) * (count)))

#define threadIdx (::tunescope::emulator::thread_index())
#define blockIdx (::tunescope::emulator::block_index())
#define blockDim (::tunescope::emulator::block_size())
#define gridDim (::tunescope::emulator::grid_size())

namespace tunescope {

template <typename Type>
Type* dynamic_shared() {
  return reinterpret_cast<Type*>(emulator::dynamic_shared_bytes());
}

inline void __syncthreads(std::source_location where = std::source_location::current()) {
  emulator::block_barrier(where);
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFU, std::source_location where = std::source_location::current()) {
  emulator::warp_barrier(mask, where);
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

inline void __threadfence() { emulator::memory_fence(); }
// Sums of floating-point numbers would depend on the order.
template <std::integral Integer>
Integer atomicAdd(Integer* address, std::type_identity_t<Integer> value,
                  std::source_location where = std::source_location::current()) {
  emulator::before_atomic(address, sizeof(Integer), where);
  return __atomic_fetch_add(address, value, __ATOMIC_ACQ_REL);
}
template <std::integral Integer>
Integer atomicMax(Integer* address, std::type_identity_t<Integer> value,
                  std::source_location where = std::source_location::current()) {
  emulator::before_atomic(address, sizeof(Integer), where);
  Integer before = __atomic_load_n(address, __ATOMIC_ACQUIRE);
  while (before < value &&
         !__atomic_compare_exchange_n(address, &before, value, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
  }
  return before;
}

inline std::uint32_t __umulhi(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(a) * b) >> 32U);
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

template <typename Vector>
__device__ inline Vector load_vector(const void* address,
                                     std::source_location where = std::source_location::current()) {
  emulator::check_alignment(address, sizeof(Vector), where);
  Vector value;
  std::memcpy(&value, __builtin_assume_aligned(address, sizeof(Vector)), sizeof(Vector));
  return value;
}
template <typename Vector>
__device__ inline void store_vector(void* address, const Vector& value,
                                    std::source_location where = std::source_location::current()) {
  emulator::check_alignment(address, sizeof(Vector), where);
  std::memcpy(__builtin_assume_aligned(address, sizeof(Vector)), &value, sizeof(Vector));
}

}  // namespace tunescope
