// The engine of host threads, under ThreadSanitizer: a planted race is reported, and the rules of meetings hold as
// among fibers. A race in any other test fails the program.

#include <gtest/gtest.h>

#include "emulator/device_test.hpp"

namespace {

int planted_reports = 0;
int other_reports = 0;
bool is_planted = false;

}  // namespace

// Called by ThreadSanitizer for each race, under its lock (sanitizer/tsan_interface.h).
extern "C" __attribute__((no_sanitize("thread"))) void __tsan_on_report(void* /*report*/) {
  ++(is_planted ? planted_reports : other_reports);
}
// The status of planted races is no failure, and each is reported, although shared memory has the same addresses
// always.
extern "C" const char* __tsan_default_options() {
  return "exitcode=0:suppress_equal_stacks=0:suppress_equal_addresses=0";
}

namespace tunescope {
namespace {

using test::DeviceArray;
using test::run_kernel;

__global__ void pass_on(float* results, bool waits) {
  SHARED_ARRAY(float, values, 64);
  values[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (waits) __syncthreads();
  results[threadIdx.x] = values[(threadIdx.x + 1) % 64];
}

// A shuffle does not order memory.
__global__ void pass_on_in_a_warp(float* results, bool waits) {
  SHARED_ARRAY(float, values, 32);
  values[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (waits) {
    __syncwarp();
  } else {
    __shfl_sync(kAllLanes, 1, 0);
  }
  results[threadIdx.x] = values[threadIdx.x ^ 1U];
}

int reports_of(void (*kernel)(float*, bool), unsigned threads, bool waits) {
  const DeviceArray<float> results(threads);
  planted_reports = 0;
  const int before = other_reports;
  is_planted = !waits;
  run_kernel(kernel, 1, threads, 0, results.data(), waits);
  is_planted = false;
  return waits ? other_reports - before : planted_reports;
}

// Whatever test has run.
class NoOtherReport : public ::testing::Environment {
 public:
  void TearDown() override { EXPECT_EQ(other_reports, 0) << "ThreadSanitizer has found races in device code"; }
};
[[maybe_unused]] const auto* const no_other_report = ::testing::AddGlobalTestEnvironment(new NoOtherReport);

TEST(RaceReport, ComesForAMissingBarrier) {
  EXPECT_EQ(reports_of(pass_on, 64, true), 0);
  EXPECT_GT(reports_of(pass_on, 64, false), 0);
  EXPECT_EQ(reports_of(pass_on_in_a_warp, 32, true), 0);
  EXPECT_GT(reports_of(pass_on_in_a_warp, 32, false), 0);
}

__global__ void wait_in_two_places() {
  if (threadIdx.x % 2 == 0) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}
__global__ void shuffle_of_too_few() {
  if (threadIdx.x != 3) __shfl_xor_sync(kAllLanes, 1, 1);
}

TEST(HostThreads, KeepTheRulesOfMeetings) {
  EXPECT_THROW(run_kernel(wait_in_two_places, 1, 64, 0), emulator::EmulatorError);
  EXPECT_THROW(run_kernel(shuffle_of_too_few, 1, 64, 0), emulator::EmulatorError);
  EXPECT_THROW(run_kernel(wait_in_two_places, 1, 65, 0), emulator::EmulatorError);
}

}  // namespace
}  // namespace tunescope
