#pragma once

#include "../device/simt.hpp"

#ifdef __CUDACC__
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#endif

#include <cstddef>
#include <type_traits>

namespace tunescope {

/// The size of a launch: blocks, threads of a block, and bytes of shared memory that `dynamic_shared` gives.
struct LaunchShape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
};

/// What CUDA takes of a kernel's arguments on every architecture and driver, in bytes.
inline constexpr std::size_t kMaxArgumentBytes = 4096;

template <typename... Parameters>
constexpr std::size_t argument_bytes() {
  std::size_t bytes = 0;
  // Each lies at a multiple of its alignment.
  ((bytes = (bytes + alignof(Parameters) - 1) / alignof(Parameters) * alignof(Parameters) + sizeof(Parameters)), ...);
  return bytes;
}

#ifdef __CUDACC__

/// Starts a kernel on the current stream of the current device. Throws `c10::Error` if it cannot be started.
template <typename... Parameters>
requires(argument_bytes<Parameters...>() <=
         kMaxArgumentBytes) void launch(void (*kernel)(Parameters...), const LaunchShape& shape,
                                        std::type_identity_t<Parameters>... arguments) {
  constexpr std::size_t kSharedWithoutAsking = 48 * 1024;
  if (shape.shared_bytes > kSharedWithoutAsking) {
    C10_CUDA_CHECK(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                        cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(shape.shared_bytes)));
  }
  kernel<<<shape.grid, shape.block, shape.shared_bytes, c10::cuda::getCurrentCUDAStream()>>>(arguments...);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

#else

template <typename... Parameters>
requires(argument_bytes<Parameters...>() <=
         kMaxArgumentBytes) void launch(void (*kernel)(Parameters...), const LaunchShape& shape,
                                        std::type_identity_t<Parameters>... arguments) {
  emulator::run({shape.grid, shape.block, shape.shared_bytes, reinterpret_cast<const void*>(kernel)},
                [&] { kernel(arguments...); });
}

#endif

}  // namespace tunescope
