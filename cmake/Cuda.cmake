# The CUDA toolkit and NCCL, for -DTUNESCOPE_CUDA=ON. Neither needs a GPU to compile and link.
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR "TUNESCOPE_CUDA=ON needs the CUDA compiler nvcc, which is not on the PATH. "
                      "Install the CUDA 13 toolkit, or configure with -DTUNESCOPE_CUDA=OFF.")
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80 90)
endif()
enable_language(CUDA)
# CMake 3.25 does not know that nvcc speaks C++20.
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
find_package(CUDAToolkit 13 REQUIRED)
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_library(NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR})
if(NOT NCCL_INCLUDE_DIR OR NOT NCCL_LIBRARY)
  message(FATAL_ERROR "TUNESCOPE_CUDA=ON needs NCCL. Install it with\n  apt-get install libnccl-dev libnccl2\n"
                      "or name its place with -DNCCL_INCLUDE_DIR and -DNCCL_LIBRARY.")
endif()
add_library(tunescope_nccl INTERFACE)
target_include_directories(tunescope_nccl SYSTEM INTERFACE ${NCCL_INCLUDE_DIR})
target_link_libraries(tunescope_nccl INTERFACE ${NCCL_LIBRARY} CUDA::cudart)
# Kernels share constexpr functions with the CPU backend.
string(APPEND CMAKE_CUDA_FLAGS " --expt-relaxed-constexpr")
