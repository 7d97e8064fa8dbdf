// Faults in what device code does to memory, found by the hooks of `engine/hooks.cpp`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "emulator/device_test.hpp"

namespace tunescope {
namespace {

using emulator::EmulatorError;
using test::DeviceArray;
using test::run_kernel;
using ::testing::AllOf;
using ::testing::HasSubstr;

template <typename... Parameters>
std::string memory_finding(void (*kernel)(Parameters...), dim3 grid, dim3 block,
                           std::type_identity_t<Parameters>... arguments) {
  try {
    run_kernel(kernel, grid, block, 64 * sizeof(float), arguments...);
  } catch (const EmulatorError& error) {
    return error.what();
  }
  return "";
}

auto is_in_the_code() {
  return AllOf(HasSubstr("memory_fault_test.cpp:"), HasSubstr(": thread ("), HasSubstr("of block ("));
}
// What is read before it is written, in one order, is unwritten in another.
auto is_race() {
  return AllOf(is_in_the_code(), ::testing::AnyOf(HasSubstr("a race"), HasSubstr("no thread has written")));
}

// Under AddressSanitizer there are no hooks; it ends the program itself.
class MemoryFault : public ::testing::Test {
 protected:
  void SetUp() override {
#ifndef __SANITIZE_THREAD__
    GTEST_SKIP() << "device code is compiled without hooks here";
#endif
  }
};

void neighbour(float* results, bool waits) {
  SHARED_ARRAY(float, values, 64);
  values[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (waits) __syncthreads();
  results[threadIdx.x] = values[(threadIdx.x + 1) % 64];
}
void overwrite(float* results, bool waits) {
  SHARED_ARRAY(float, value, 1);
  if (threadIdx.x == 5) value[0] = 1.0F;
  __syncthreads();
  results[threadIdx.x] = value[0];
  if (waits) __syncthreads();
  if (threadIdx.x == 5) value[0] = 2.0F;
}
void both_write(float* /*results*/, bool waits) {
  SHARED_ARRAY(float, value, 1);
  if (threadIdx.x == 0) value[0] = 1.0F;
  if (waits) __syncthreads();
  if (threadIdx.x == 40) value[0] = 1.0F;
}
void in_a_warp(float* results, bool waits) {
  SHARED_ARRAY(float, values, 64);
  values[threadIdx.x] = 1.0F;
  if (waits) {
    __syncwarp();
  } else {
    __shfl_sync(kAllLanes, 0, 0);  // no order of memory
  }
  results[threadIdx.x] = values[threadIdx.x ^ 1U];
}
void across_warps(float* results, bool waits) {
  SHARED_ARRAY(float, values, 64);
  values[threadIdx.x] = 1.0F;
  waits ? __syncthreads() : __syncwarp();
  results[threadIdx.x] = values[threadIdx.x ^ 32U];
}

TEST_F(MemoryFault, RacesOfThreadsAreFound) {
  const DeviceArray<float> results(64);
  for (void (*kernel)(float*, bool) : {neighbour, overwrite, both_write, in_a_warp, across_warps}) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      emulator::set_seed(seed);
      EXPECT_THAT(memory_finding(kernel, 1, 64, results.data(), false), is_race()) << seed;
      EXPECT_EQ(memory_finding(kernel, 1, 64, results.data(), true), "");
    }
  }
}

void halves(std::uint16_t* numbers) { numbers[threadIdx.x] = static_cast<std::uint16_t>(threadIdx.x); }

TEST_F(MemoryFault, NeighboursOfTwoBytesAreNoRace) {
  const DeviceArray<std::uint16_t> numbers(64);
  EXPECT_EQ(memory_finding(halves, 1, 64, numbers.data()), "");
}

void add_plainly(unsigned* sum) {
  if (threadIdx.x == 0) *sum += 1;
}
void add_atomically(unsigned* sum) {
  if (threadIdx.x == 0) atomicAdd(sum, 1U);
}
void add_atomically_and_read(unsigned* sum) {
  if (blockIdx.x == 0 && threadIdx.x == 0) *sum = 0;
  atomicAdd(sum, 1U);
}
void tickets(float* parts, unsigned* tickets, float* sum, bool has_fence) {
  if (threadIdx.x != 0) return;
  parts[blockIdx.x] = 1.0F;
  if (has_fence) __threadfence();
  if (atomicAdd(tickets, 1U) != gridDim.x - 1) return;
  for (unsigned i = 0; i < gridDim.x; ++i) *sum += parts[i];
}

TEST_F(MemoryFault, RacesOfBlocksAreFound) {
  const DeviceArray<unsigned> sum(1);
  EXPECT_THAT(memory_finding(add_plainly, 2, 32, sum.data()), is_race());
  EXPECT_EQ(memory_finding(add_atomically, 2, 32, sum.data()), "");
  EXPECT_THAT(memory_finding(add_atomically_and_read, 1, 32, sum.data()), is_race());
}

TEST_F(MemoryFault, TicketWithoutAFenceIsARace) {
  const DeviceArray<float> parts(5), sum(1);
  const DeviceArray<unsigned> counter(1), other_counter(1);
  EXPECT_THAT(memory_finding(tickets, 5, 32, parts.data(), counter.data(), sum.data(), false), is_race());
  EXPECT_EQ(memory_finding(tickets, 5, 32, parts.data(), other_counter.data(), sum.data(), true), "");
}

void write_shared(unsigned place) {
  SHARED_ARRAY(float, values, 10);
  SHARED_ARRAY(float, others, 10);
  others[0] = 0.0F;
  values[place] = 1.0F;
}
void write_dynamic(unsigned place) { dynamic_shared<float>()[place] = 1.0F; }
void write_global(float* values, int place) { values[place] = 1.0F; }

TEST_F(MemoryFault, AccessesOutOfBoundsAreFound) {
  const auto is_outside = [] { return AllOf(is_in_the_code(), HasSubstr("out of bounds")); };
  EXPECT_EQ(memory_finding(write_shared, 1, 1, 9U), "");
  EXPECT_THAT(memory_finding(write_shared, 1, 1, 10U), AllOf(is_outside(), HasSubstr("'values'")));
  EXPECT_EQ(memory_finding(write_dynamic, 1, 1, 63U), "");
  EXPECT_THAT(memory_finding(write_dynamic, 1, 1, 64U), is_outside());
  const DeviceArray<float> values(5);
  EXPECT_EQ(memory_finding(write_global, 1, 1, values.data(), 4), "");
  EXPECT_THAT(memory_finding(write_global, 1, 1, values.data(), 5), is_outside());
  EXPECT_THAT(memory_finding(write_global, 1, 1, values.data(), -1), is_outside());
  EXPECT_THAT(memory_finding(write_global, 1, 1, values.data(), 8), is_outside());
}

#ifdef __SANITIZE_ADDRESS__
TEST(AddressSanitizer, GuardsSharedMemory) {
  EXPECT_DEATH(memory_finding(write_shared, 1, 1, 10U), "use-after-poison");
  EXPECT_DEATH(memory_finding(write_dynamic, 1, 1, 64U), "use-after-poison");
}
#endif

void read_unwritten(float* results) {
  SHARED_ARRAY(float, values, 64);
  if (threadIdx.x != 63) values[threadIdx.x] = 1.0F;
  __syncthreads();
  results[threadIdx.x] = values[threadIdx.x];
}

TEST_F(MemoryFault, ReadsOfSharedMemoryThatNobodyWroteAreFound) {
  const DeviceArray<float> results(64);
  EXPECT_THAT(memory_finding(read_unwritten, 1, 64, results.data()),
              AllOf(is_in_the_code(), HasSubstr("no thread has written")));
}

void read_four(const float* numbers, float4* results) { *results = *reinterpret_cast<const float4*>(numbers); }

TEST_F(MemoryFault, UnalignedVectorsAreFoundInPlainAccesses) {
  const DeviceArray<float> numbers(8);
  const DeviceArray<float4> results(1);
  EXPECT_EQ(memory_finding(read_four, 1, 1, numbers.data() + 4, results.data()), "");
  EXPECT_THAT(memory_finding(read_four, 1, 1, numbers.data() + 1, results.data()), is_in_the_code());
}

// In an order that the seed gives; the blocks of a launch come in another order each.
void note_order(unsigned* next, unsigned* order) { order[atomicAdd(next, 1U)] = blockIdx.x * blockDim.x + threadIdx.x; }

std::vector<unsigned> order_under(std::uint64_t seed) {
  const DeviceArray<unsigned> next(1), order(64);
  emulator::set_seed(seed);
  run_kernel(note_order, 2, 32, 0, next.data(), order.data());
  return order.values();
}

TEST(Seed, GivesTheOrderOfThreadsAndBlocks) {
  EXPECT_EQ(order_under(3), order_under(3));
  EXPECT_NE(order_under(3), order_under(4));
}

}  // namespace
}  // namespace tunescope
