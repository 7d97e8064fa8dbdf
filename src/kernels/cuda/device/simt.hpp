#pragma once

// What device code is written in: CUDA C++, of which it uses only what is named here. The same files are compiled by
// nvcc for GPUs and, in the tests, as plain C++ for an emulator that runs the threads of a block one by one. So they
// include no header of CUDA's or ATen's, and take raw pointers.
//
//   threadIdx, blockIdx, blockDim, gridDim         as in CUDA
//   __global__, __device__, __host__, __launch_bounds__
//                                                  as in CUDA
//   __syncthreads, __syncwarp, __shfl_sync, __shfl_xor_sync, __shfl_down_sync, __ballot_sync
//   SHARED_ARRAY(type, name, count)                an array in shared memory, of a constant size
//   dynamic_shared<type>()                         the shared memory whose size the launch gives
//   UNROLL, KEEP_LOOP                              before a loop that must be unrolled, since its counter chooses a
//                                                  register, and before one that must not, since it would take too many
//   multiply_accumulate<type>(sums, a, b)          the matrix instruction in bfloat16 or TF32, see matrix.hpp
//   load_vector<float4>(pointer), store_vector(pointer, value)
//                                                  one access to 8 or 16 bytes; the address must be a multiple of that
//   __threadfence, and atomicAdd and atomicMax of integers
//   __umulhi, rsqrtf, erff, expf and so on, float2, float4, uint2, uint4

#include <cstdint>

#ifdef __CUDACC__

#define SHARED_ARRAY(type, name, count) __shared__ type name[count]
#define UNROLL _Pragma("unroll")
#define KEEP_LOOP _Pragma("unroll 1")

namespace tunescope {

template <typename Type>
__device__ Type* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char bytes[];
  return reinterpret_cast<Type*>(bytes);
}

template <typename Vector>
__device__ __forceinline__ Vector load_vector(const void* address) {
  return *static_cast<const Vector*>(address);
}
template <typename Vector>
__device__ __forceinline__ void store_vector(void* address, const Vector& value) {
  *static_cast<Vector*>(address) = value;
}

}  // namespace tunescope

#else
#include "emulator/simt.hpp"
#define UNROLL
#define KEEP_LOOP
#endif

namespace tunescope {

inline constexpr unsigned kWarp = 32;
inline constexpr unsigned kAllLanes = 0xFFFFFFFFU;

}  // namespace tunescope
