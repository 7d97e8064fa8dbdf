#include "tunescope/device/failure.hpp"

#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/hostname.hpp"

namespace tunescope {
namespace {

const c10::SourceLocation kHere{"a test", __FILE__, __LINE__};

TEST(OutOfMemory, IsToldByLibTorchByCudaAndByCublas) {
  EXPECT_TRUE(is_out_of_memory(c10::OutOfMemoryError(kHere, "CUDA out of memory")));
  EXPECT_TRUE(is_out_of_memory(c10::AcceleratorError(kHere, 2, "CUDA error: out of memory")));
  EXPECT_TRUE(is_out_of_memory(c10::Error(kHere, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate")));
}

TEST(OutOfMemory, IsNoOtherError) {
  EXPECT_FALSE(is_out_of_memory(c10::AcceleratorError(kHere, 700, "CUDA error: an illegal memory access")));
  EXPECT_FALSE(is_out_of_memory(c10::Error(kHere, "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED")));
  EXPECT_FALSE(is_out_of_memory(Error("a word on CUBLAS_STATUS_ALLOC_FAILED")));
}

// As the handler of a computation on a GPU does.
void handle(const std::exception& error) { throw_if_broken({c10::kCUDA, 3}, error); }

TEST(BrokenDevice, IsNamedWithItsHostAndTheErrorThatShowedIt) {
  const ReplacedDeviceProbe probe([](c10::Device) { return "uncorrectable ECC error encountered"; });
  const std::string message = test::message_of<DeviceError>([] { handle(Error("CUDA error\nlines of advice")); });
  EXPECT_EQ(message, "cuda:3 of " + hostname() +
                         " does not work any more: uncorrectable ECC error encountered; first seen in: CUDA error");
}

TEST(BrokenDevice, IsNotWhatADeviceThatAnswersIs) {
  const ReplacedDeviceProbe probe([](c10::Device) { return ""; });
  EXPECT_NO_THROW(handle(c10::AcceleratorError(kHere, 700, "CUDA error: an illegal memory access")));
}

TEST(BrokenDevice, IsNotTheCpu) { EXPECT_NO_THROW(throw_if_broken(c10::kCPU, Error("anything"))); }

TEST(BrokenDevice, IsNamedOnce) {
  int asked = 0;
  const ReplacedDeviceProbe probe([&](c10::Device) { return ++asked, "uncorrectable ECC error encountered"; });
  const auto handle_twice = [] {
    try {
      throw DeviceError("named before");
    } catch (const std::exception& error) {
      handle(error);
    }
  };
  EXPECT_EQ(test::message_of<DeviceError>(handle_twice), "named before");
  EXPECT_EQ(asked, 0);
}

}  // namespace
}  // namespace tunescope
