// Faults planted in device code: the emulator must find each, and say where and in which thread it is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
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

// What the emulator says of a launch; empty if it finds nothing.
std::string finding(const std::function<void()>& run) {
  try {
    run();
  } catch (const EmulatorError& error) {
    return error.what();
  }
  return "";
}

template <typename... Parameters>
std::string finding_of(void (*kernel)(Parameters...), dim3 block, std::type_identity_t<Parameters>... arguments) {
  return finding([&] { run_kernel(kernel, 1, block, 0, arguments...); });
}

auto is_in_this_file() { return AllOf(HasSubstr("fault_test.cpp:"), HasSubstr(": thread ("), HasSubstr("of block (")); }

void barrier_of_a_half() {
  if (threadIdx.x < 32) __syncthreads();
  __syncwarp();
}
void barrier_after_some_have_returned() {
  if (threadIdx.x >= 40) return;
  __syncthreads();
}
void two_barriers() {
  if (threadIdx.x % 2 == 0) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}
void barrier_and_shuffle() {
  if (threadIdx.x == 3) {
    __syncthreads();
  } else {
    __shfl_xor_sync(kAllLanes, 1.0F, 1);
  }
}

TEST(Barrier, IsReachedByAllThreadsOfTheBlock) {
  EXPECT_THAT(finding_of(two_barriers, 64), AllOf(is_in_this_file(), HasSubstr("at another")));
  EXPECT_THAT(finding_of(barrier_and_shuffle, 64), AllOf(is_in_this_file(), HasSubstr("never come")));
}

TEST(Barrier, DoesNotWaitForThreadsThatHaveEnded) {
  EXPECT_EQ(finding_of(barrier_after_some_have_returned, 64), "");
  EXPECT_EQ(finding_of(barrier_of_a_half, 64), "");
}

void masks_that_differ() { __shfl_sync(threadIdx.x < 5 ? kAllLanes : 0x7FFFFFFFU, 1, 0); }
void mask_without_the_caller() { __syncwarp(0xFFFFFFFEU); }
void mask_of_an_ended_lane() {
  if (threadIdx.x != 7) __syncwarp();
}
void ballot_of_all_lanes() { __ballot_sync(kAllLanes, true); }
void shuffle_from_outside() {
  if (threadIdx.x < 16) __shfl_sync(0x0000FFFFU, 1.0F, 20);
}
void two_shuffles() {
  if (threadIdx.x == 0) {
    __shfl_sync(kAllLanes, 1, 0);
  } else {
    __shfl_sync(kAllLanes, 1, 0);
  }
}

TEST(Warp, HasOneMaskInAllItsLanes) {
  EXPECT_THAT(finding_of(masks_that_differ, 32), is_in_this_file());
  EXPECT_THAT(finding_of(mask_without_the_caller, 32), AllOf(is_in_this_file(), HasSubstr("lacks its own lane")));
  EXPECT_THAT(finding_of(two_shuffles, 32), AllOf(is_in_this_file(), HasSubstr("another operation")));
}

TEST(Warp, MeetsOnlyLanesThatAreThere) {
  EXPECT_THAT(finding_of(mask_of_an_ended_lane, 32),
              AllOf(is_in_this_file(), HasSubstr("lane 7 of the mask has ended")));
  EXPECT_THAT(finding_of(ballot_of_all_lanes, 48), AllOf(is_in_this_file(), HasSubstr("does not exist")));
  EXPECT_THAT(finding_of(shuffle_from_outside, 32), AllOf(is_in_this_file(), HasSubstr("not in its mask")));
}

void load_four(const float* numbers) { load_vector<float4>(numbers); }
void store_four(float* numbers) { store_vector(numbers, float4{1, 2, 3, 4}); }

TEST(Vector, LiesAtAMultipleOfItsSize) {
  const DeviceArray<float> numbers(8);
  EXPECT_EQ(finding_of(load_four, 1, numbers.data() + 4), "");
  EXPECT_THAT(finding_of(load_four, 1, numbers.data() + 1), AllOf(is_in_this_file(), HasSubstr("multiple")));
  EXPECT_THAT(finding_of(store_four, 1, numbers.data() + 2), AllOf(is_in_this_file(), HasSubstr("multiple")));
}

void nothing() {}
void much_shared_memory() {
  SHARED_ARRAY(float, many, 10 * 1024);
  SHARED_ARRAY(float, more, 10 * 1024);
  many[0] = more[0] = 1.0F;
}
void some_shared_memory() {
  SHARED_ARRAY(float, many, 10 * 1024);
  many[0] = 1.0F;
}

TEST(Launch, StaysWithinTheLimitsOfCuda) {
  const auto of = [](dim3 grid, dim3 block, std::size_t shared_bytes = 0, void (*kernel)() = nothing) {
    return finding([&] { run_kernel(kernel, grid, block, shared_bytes); });
  };
  EXPECT_EQ(of({2, 3, 4}, 1024, std::size_t{227} * 1024), "");
  EXPECT_THAT(of(1, 1025), AllOf(HasSubstr("fault_test.cpp:"), HasSubstr("1025 threads")));
  EXPECT_THAT(of(1, {32, 33}), HasSubstr("1056 threads of a block"));
  EXPECT_THAT(of(1, {1, 1, 65}), HasSubstr("65 threads in z"));
  EXPECT_THAT(of({1, 65536}, 1), HasSubstr("65536 blocks in y"));
  EXPECT_THAT(of({1, 1, 65536}, 1), HasSubstr("65536 blocks in z"));
  EXPECT_THAT(of(1U << 31U, 1), HasSubstr("2147483648 blocks in x"));
  EXPECT_THAT(of(0, 1), HasSubstr("0 blocks in x"));
  EXPECT_THAT(of({1, 0}, 1), HasSubstr("0 blocks in y"));
  EXPECT_THAT(of(1, 0), HasSubstr("0 threads in x"));
  EXPECT_THAT(of(1, 1, std::size_t{227} * 1024 + 1), HasSubstr("shared memory"));
  EXPECT_THAT(of(1, 1, 0, much_shared_memory), HasSubstr("'more'"));
  EXPECT_THAT(of(1, 1, std::size_t{200} * 1024, some_shared_memory), HasSubstr("227 kB"));
}

struct Large {
  char bytes[4096];
};
struct TooLarge {
  char bytes[4097];
};
template <typename Argument>
constexpr bool can_be_launched = requires(void (*kernel)(Argument), Argument argument) {
  launch(kernel, LaunchShape{}, argument);
};

TEST(Launch, TakesFourKilobytesOfArguments) {
  EXPECT_TRUE(can_be_launched<Large>);
  EXPECT_FALSE(can_be_launched<TooLarge>);
}

TEST(Launch, RunsAgainAfterAFault) {
  EXPECT_NE(finding_of(two_barriers, 64), "");
  EXPECT_EQ(finding_of(barrier_of_a_half, 64), "");
}

}  // namespace
}  // namespace tunescope
