# The CUDA toolkit and NCCL, for -DTUNESCOPE_CUDA=ON. Neither needs a GPU to compile and link. Needs LibTorch.cmake before.
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR "TUNESCOPE_CUDA=ON needs the CUDA compiler nvcc, which is not on the PATH. "
                      "Install the CUDA 13 toolkit, or configure with -DTUNESCOPE_CUDA=OFF.")
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  # Code for the first GPU of each generation that nvcc knows, from Turing (75) on; it runs on the later ones of that
  # generation too, so that no GPU waits at the start for the driver to translate PTX. Newer generations do.
  set(CMAKE_CUDA_ARCHITECTURES all-major)
endif()
# LibTorch loads the shared runtime; a second, static one in the process would have a state of its own.
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
enable_language(CUDA)
# CMake 3.25 does not know that nvcc speaks C++20.
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
find_package(CUDAToolkit 13 REQUIRED)

# What the program links is what libtorch_cuda.so gets too: the loader takes one copy of a library for the whole process. So
# it is the copy that LibTorch was built for, where pip has put one beside the wheel; header and library from one place.
cmake_path(GET TORCH_ROOT PARENT_PATH TORCH_WHEELS)
find_path(NCCL_INCLUDE_DIR nccl.h PATHS ${TORCH_WHEELS}/nvidia/nccl/include NO_DEFAULT_PATH)
find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 PATHS ${TORCH_WHEELS}/nvidia/nccl/lib NO_DEFAULT_PATH)
if(NOT NCCL_INCLUDE_DIR OR NOT NCCL_LIBRARY)
  foreach(FOUND NCCL_INCLUDE_DIR NCCL_LIBRARY)
    if(NOT ${FOUND})
      unset(${FOUND} CACHE)
    endif()
  endforeach()
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  find_library(NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR})
endif()
if(NOT NCCL_INCLUDE_DIR OR NOT NCCL_LIBRARY)
  message(FATAL_ERROR "TUNESCOPE_CUDA=ON needs NCCL. Install it with\n  apt-get install libnccl-dev libnccl2\n"
                      "or name its place with -DNCCL_INCLUDE_DIR and -DNCCL_LIBRARY.")
endif()

# The same for the runtime, unless the toolkit, whose headers are compiled, is newer: a newer runtime serves LibTorch too.
set(CUDART_HEADER ${TORCH_WHEELS}/nvidia/cu13/include/cuda_runtime_api.h)
set(WHEEL_CUDART_VERSION 0)
if(EXISTS ${CUDART_HEADER})
  file(STRINGS ${CUDART_HEADER} LINE REGEX "^#define +CUDART_VERSION +[0-9]+")
  string(REGEX MATCH "[0-9]+$" WHEEL_CUDART_VERSION "${LINE}")
endif()
math(EXPR TOOLKIT_CUDART_VERSION "${CUDAToolkit_VERSION_MAJOR} * 1000 + ${CUDAToolkit_VERSION_MINOR} * 10")
if(WHEEL_CUDART_VERSION GREATER_EQUAL TOOLKIT_CUDART_VERSION)
  find_library(CUDART_LIBRARY NAMES libcudart.so.13 PATHS ${TORCH_WHEELS}/nvidia/cu13/lib NO_DEFAULT_PATH)
endif()
if(NOT CUDART_LIBRARY)
  set(CUDART_LIBRARY ${CUDA_cudart_LIBRARY})
endif()
message(STATUS "NCCL: ${NCCL_LIBRARY}; CUDA's runtime: ${CUDART_LIBRARY}")

add_library(tunescope_nccl INTERFACE)
target_include_directories(tunescope_nccl SYSTEM INTERFACE ${NCCL_INCLUDE_DIR} ${CUDAToolkit_INCLUDE_DIRS})
target_link_libraries(tunescope_nccl INTERFACE ${NCCL_LIBRARY} ${CUDART_LIBRARY})
# Kernels share constexpr functions with the CPU backend.
string(APPEND CMAKE_CUDA_FLAGS " --expt-relaxed-constexpr")
