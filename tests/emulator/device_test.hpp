#pragma once

// What tests of device code need beside it, the same for the emulator and for GPUs. LibTorch is not among it.

#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <vector>

#ifdef __CUDACC__
#include <cuda_runtime.h>

#include "kernels/cuda/device/simt.hpp"
#else
#include "emulator/guarded_memory.hpp"
#include "kernels/cuda/launch/launch.hpp"
#endif

namespace tunescope::test {

#ifdef __CUDACC__

inline void check(cudaError_t status) {
  if (status != cudaSuccess) throw std::runtime_error(cudaGetErrorString(status));
}

class DeviceMemory {
 public:
  explicit DeviceMemory(std::size_t bytes) { check(cudaMalloc(&data_, bytes)); }
  ~DeviceMemory() { cudaFree(data_); }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

inline void copy(void* to, const void* from, std::size_t bytes) {
  check(cudaMemcpy(to, from, bytes, cudaMemcpyDefault));
}

/// Runs a kernel to its end.
template <typename... Parameters>
void run_kernel(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
                std::type_identity_t<Parameters>... arguments) {
  check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(shared_bytes)));
  kernel<<<grid, block, shared_bytes>>>(arguments...);
  check(cudaGetLastError());
  check(cudaDeviceSynchronize());
}

#else

using DeviceMemory = emulator::GuardedMemory;

inline void copy(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }

template <typename... Parameters>
void run_kernel(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
                std::type_identity_t<Parameters>... arguments) {
  launch(kernel, {grid, block, shared_bytes}, arguments...);
}

#endif

/// An array in the device's memory, of exactly its size.
template <typename Value>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<Value>& values) : count_(values.size()), memory_(count_ * sizeof(Value)) {
    copy(memory_.data(), values.data(), count_ * sizeof(Value));
  }
  explicit DeviceArray(std::size_t count) : DeviceArray(std::vector<Value>(count)) {}

  Value* data() const { return static_cast<Value*>(memory_.data()); }
  std::vector<Value> values() const {
    std::vector<Value> all(count_);
    copy(all.data(), memory_.data(), count_ * sizeof(Value));
    return all;
  }

 private:
  std::size_t count_;
  DeviceMemory memory_;
};

}  // namespace tunescope::test
