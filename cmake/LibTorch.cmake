# Target tunescope_torch: the LibTorch below CMAKE_PREFIX_PATH, or else that of the project's own environment
# (.venv, made by scripts/setup). PyPI's wheel is a CUDA build whose find_package(Torch) demands a CUDA toolkit, so
# its two CPU libraries are linked directly.
find_path(TORCH_INCLUDE_DIR ATen/ATen.h
          PATH_SUFFIXES include torch/include
          HINTS ${CMAKE_PREFIX_PATH})
if(NOT TORCH_INCLUDE_DIR)
  file(GLOB TORCH_WHEEL ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
  find_path(TORCH_INCLUDE_DIR ATen/ATen.h PATHS ${TORCH_WHEEL}/include NO_DEFAULT_PATH)
endif()
if(NOT TORCH_INCLUDE_DIR)
  message(FATAL_ERROR "LibTorch was not found. Run scripts/setup, which unpacks PyPI's torch==2.11.0 into .venv, or name "
                      "an unpacked LibTorch with -DCMAKE_PREFIX_PATH=/path/to/libtorch.")
endif()
cmake_path(GET TORCH_INCLUDE_DIR PARENT_PATH TORCH_ROOT)
set(TORCH_LIBRARY_DIR ${TORCH_ROOT}/lib)
set(TORCH_LIBRARIES_WANTED torch_cpu c10)
if(TUNESCOPE_CUDA)
  list(APPEND TORCH_LIBRARIES_WANTED torch_cuda c10_cuda)
endif()

add_library(tunescope_torch INTERFACE)
# Searched last: the wheel brings copies of other libraries' headers (fmt), which must not hide the installed ones.
target_compile_options(tunescope_torch INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${TORCH_INCLUDE_DIR}>")
target_include_directories(tunescope_torch SYSTEM INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:${TORCH_INCLUDE_DIR}>)
foreach(LIBRARY ${TORCH_LIBRARIES_WANTED})
  find_library(TORCH_${LIBRARY} ${LIBRARY} PATHS ${TORCH_LIBRARY_DIR} NO_DEFAULT_PATH)
  if(NOT TORCH_${LIBRARY})
    message(FATAL_ERROR "${TORCH_LIBRARY_DIR} has no lib${LIBRARY}.so. "
                        "TUNESCOPE_CUDA=ON needs a LibTorch built for CUDA; PyPI's torch==2.11.0 is one.")
  endif()
  target_link_libraries(tunescope_torch INTERFACE ${TORCH_${LIBRARY}})
endforeach()
# libtorch_cuda.so registers its kernels when it is loaded; the linker must keep it although no symbol of it is named.
target_link_options(tunescope_torch INTERFACE LINKER:--no-as-needed)
# The wheel's own dependencies (CUDA's run-time libraries) are found by the loader through its RPATH, not by the linker.
target_link_options(tunescope_torch INTERFACE LINKER:--allow-shlib-undefined
                                              LINKER:--unresolved-symbols=ignore-in-shared-libs)
# One OpenMP runtime a process: LibTorch's own where it brings one. Clang's code needs another, so the fuzz targets, which
# compute nothing, do without.
if(TUNESCOPE_FUZZ)
  message(STATUS "OpenMP: not used, this is the fuzz build")
elseif(EXISTS ${TORCH_LIBRARY_DIR}/libgomp.so.1)
  target_compile_options(tunescope_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${OpenMP_CXX_FLAGS}>)
  target_link_libraries(tunescope_torch INTERFACE ${TORCH_LIBRARY_DIR}/libgomp.so.1)
else()
  target_link_libraries(tunescope_torch INTERFACE OpenMP::OpenMP_CXX)
endif()
message(STATUS "LibTorch: ${TORCH_ROOT}")
