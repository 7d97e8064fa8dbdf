#pragma once

#include "simt.hpp"

namespace tunescope {

/// Numbers that lie together in memory and are read and written by one instruction. Their address must be a multiple of
/// their size.
template <typename Number, int kCount>
struct alignas(sizeof(Number) * kCount) Vector {
  Number at[kCount];
};

/// Whether numbers that take `bytes` together can be read and written at an address.
inline __host__ __device__ bool is_aligned(const void* address, std::uintptr_t bytes) {
  return reinterpret_cast<std::uintptr_t>(address) % bytes == 0;
}

template <int kCount, typename Number>
__device__ Vector<Number, kCount> load(const Number* from) {
  return *reinterpret_cast<const Vector<Number, kCount>*>(from);
}

/// The same from an address that may be any, such as that of a parameter in a flat buffer.
template <int kCount>
__device__ Vector<float, kCount> load(const float* from, bool is_aligned) {
  if (is_aligned) return load<kCount>(from);
  Vector<float, kCount> numbers;
  for (int i = 0; i < kCount; ++i) numbers.at[i] = from[i];
  return numbers;
}

template <typename Number, int kCount>
__device__ void store(Number* to, const Vector<Number, kCount>& numbers) {
  *reinterpret_cast<Vector<Number, kCount>*>(to) = numbers;
}

template <int kCount>
__device__ void add(Vector<float, kCount>& sums, const Vector<float, kCount>& numbers) {
  for (int i = 0; i < kCount; ++i) sums.at[i] += numbers.at[i];
}

template <int kCount>
__device__ void multiply(Vector<float, kCount>& numbers, const Vector<float, kCount>& by) {
  for (int i = 0; i < kCount; ++i) numbers.at[i] *= by.at[i];
}

/// The sum over the lanes of a warp, which all of them get.
__device__ inline float sum_of_warp(float value) {
  for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(kAllLanes, value, lanes);
  return value;
}

}  // namespace tunescope
