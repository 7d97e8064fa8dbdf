# Kernels for GPUs, compiled as plain C++ and run by an emulator. Neither it nor its own tests use LibTorch.
find_package(Boost 1.74 REQUIRED COMPONENTS context)
set(EMULATOR ${CMAKE_CURRENT_LIST_DIR})
set(EMULATOR_INCLUDES ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
set(MEETINGS ${EMULATOR}/engine/block.cpp ${EMULATOR}/engine/matrix.cpp)

# How device code is compiled for the emulator. With GCC each access to memory is told to engine/hooks.cpp; under
# AddressSanitizer, and with other compilers, memory is not watched for races. As in nvcc, types may alias.
add_library(emulated_device_code INTERFACE)
target_include_directories(emulated_device_code INTERFACE ${EMULATOR_INCLUDES})
target_compile_options(emulated_device_code INTERFACE -fno-strict-aliasing -g1 $<$<CONFIG:Release>:-O1>)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND NOT TUNESCOPE_SANITIZE)
  target_compile_options(emulated_device_code INTERFACE -fsanitize=thread --param=tsan-instrument-func-entry-exit=0)
endif()

add_library(emulator STATIC ${MEETINGS} ${EMULATOR}/engine/fibers.cpp ${EMULATOR}/engine/hooks.cpp
                            ${EMULATOR}/engine/memory.cpp ${EMULATOR}/engine/order.cpp)
set_target_properties(emulator PROPERTIES UNITY_BUILD OFF)
target_include_directories(emulator PUBLIC ${EMULATOR_INCLUDES})
target_link_libraries(emulator PUBLIC Boost::context ${CMAKE_DL_LIBS} PRIVATE tunescope_options)

file(GLOB SOURCES CONFIGURE_DEPENDS ${EMULATOR}/*_test.cpp)
list(REMOVE_ITEM SOURCES ${EMULATOR}/race_report_test.cpp)
add_executable(emulator_tests ${SOURCES})
set_target_properties(emulator_tests PROPERTIES UNITY_BUILD OFF)
target_link_libraries(emulator_tests PRIVATE emulator emulated_device_code tunescope_options GTest::gmock
                                             GTest::gtest_main)
add_test(NAME emulator COMMAND emulator_tests)

# The same device code on threads of the host, under ThreadSanitizer.
set(CMAKE_REQUIRED_FLAGS -fsanitize=thread)
include(CheckCXXSourceRuns)
if(NOT TUNESCOPE_SANITIZE)
  check_cxx_source_runs("int main() { return 0; }" RUNS_THREAD_SANITIZER)
endif()
unset(CMAKE_REQUIRED_FLAGS)
if(RUNS_THREAD_SANITIZER)
  add_executable(simt_thread_tests ${MEETINGS} ${EMULATOR}/engine/threads.cpp ${EMULATOR}/device_code_test.cpp
                                       ${EMULATOR}/race_report_test.cpp)
  set_target_properties(simt_thread_tests PROPERTIES UNITY_BUILD OFF)
  target_include_directories(simt_thread_tests PRIVATE ${EMULATOR_INCLUDES})
  target_compile_options(simt_thread_tests PRIVATE -fsanitize=thread -fno-strict-aliasing -g1
                                                       $<$<CONFIG:Release>:-O1>)
  target_link_options(simt_thread_tests PRIVATE -fsanitize=thread)
  target_link_libraries(simt_thread_tests PRIVATE tunescope_options GTest::gtest_main Threads::Threads
                                                      ${CMAKE_DL_LIBS})
  add_test(NAME emulator.threads COMMAND simt_thread_tests)
else()
  message(STATUS "emulator.threads: not built, ThreadSanitizer does not run here")
endif()

# The same device code on a GPU, for compute-sanitizer: a program without LibTorch.
if(TUNESCOPE_CUDA)
  add_executable(simt_device_tests ${EMULATOR}/device_code_test.cu)
  target_include_directories(simt_device_tests PRIVATE ${EMULATOR_INCLUDES})
  target_link_libraries(simt_device_tests PRIVATE GTest::gtest_main)
endif()

# Programs in which tensors on the CPU go through the kernels for GPUs, such as kernels_tests_emulated.
file(GLOB_RECURSE DEVICE_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/kernels/cuda/*.cu)
add_library(emulated_kernels OBJECT ${DEVICE_SOURCES})
set_source_files_properties(${DEVICE_SOURCES} PROPERTIES LANGUAGE CXX)
set_target_properties(emulated_kernels PROPERTIES UNITY_BUILD OFF)
target_link_libraries(emulated_kernels PRIVATE tunescope_library tunescope_options emulated_device_code)
# The same without hooks, for whole trainings.
add_library(emulated_kernels_unwatched OBJECT ${DEVICE_SOURCES})
set_target_properties(emulated_kernels_unwatched PROPERTIES UNITY_BUILD OFF)
target_include_directories(emulated_kernels_unwatched PRIVATE ${EMULATOR_INCLUDES})
target_compile_options(emulated_kernels_unwatched PRIVATE -fno-strict-aliasing)
target_link_libraries(emulated_kernels_unwatched PRIVATE tunescope_library tunescope_options)

function(test_emulated NAME OBJECTS KERNELS)
  add_executable(${NAME}_tests_emulated $<TARGET_OBJECTS:${OBJECTS}> $<TARGET_OBJECTS:${KERNELS}> ${EMULATOR}/force.cpp
                 ${EMULATOR}/matmul.cpp)
  target_link_libraries(${NAME}_tests_emulated PRIVATE ${OBJECTS} emulator)
  add_test(NAME ${NAME}.emulated COMMAND ${NAME}_tests_emulated ${ARGN})
  set_tests_properties(${NAME}.emulated PROPERTIES TIMEOUT 1200 COST 50)
endfunction()
test_emulated(kernels kernels_test_objects emulated_kernels)
test_emulated(model model_test_objects emulated_kernels_unwatched
              "--gtest_filter=TinyBert.*:SharedParameters.*:Bfloat16Pass.*:Golden/Architectures.*")
set(TRAINING *TrainingCurve* CoTraining.EachTrainsAsItDoesAlone CoTraining.Diverged* CoTraining.InBfloat16*
    Trainer.StopsIf* Trainer.Evaluates* Trainer.IsA* ReferenceTraining.OfOneRun* Checkpoint.SavingDoes*
    Checkpoint.BatchThat* TrainableParameters.* Golden/ArchitectureTraining.OfRuns*)
list(JOIN TRAINING : TRAINING)
test_emulated(train train_test_objects emulated_kernels_unwatched "--gtest_filter=${TRAINING}")
test_emulated(fisher fisher_test_objects emulated_kernels_unwatched "--gtest_filter=FisherDiagonal.*:DepthProfile.*:Golden/ArchitectureFisher.*")

# What can be asked only there: how often a GPU is used.
file(GLOB SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/gpu/*_test.cpp)
add_library(gpu_test_objects OBJECT ${SOURCES})
target_link_libraries(gpu_test_objects PUBLIC tunescope_test_support GTest::gtest_main)
test_emulated(gpu gpu_test_objects emulated_kernels_unwatched)
