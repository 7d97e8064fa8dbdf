#include "tunescope/device/gpu.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

const c10::Device kSecondGpu{c10::kCUDA, 1};

TEST(Gpu, MultipliesInBfloat16AndTf32FromCapability80On) {
  EXPECT_TRUE(GpuDescription{.compute_capability = 80}.has_bfloat16_and_tf32());
  EXPECT_FALSE(GpuDescription{.compute_capability = 75}.has_bfloat16_and_tf32());
}

TEST(Gpu, OfTheCpuIsNothing) {
  const GpuDescription gpu = describe_gpu(c10::kCPU);
  EXPECT_EQ(gpu.name + gpu.software, "");
  EXPECT_FALSE(gpu.has_bfloat16_and_tf32());
  EXPECT_EQ(lasting_error_of(c10::kCPU), "");
}

TEST(Tf32, IsRefusedWhereNothingMultipliesInIt) {
  EXPECT_NO_THROW(require_tf32("train", kSecondGpu, {.name = "NVIDIA H200", .compute_capability = 90}));
  EXPECT_THAT(message_of<DeviceError>([] { require_tf32("train", c10::kCPU, {}); }),
              AllOf(HasSubstr("[train] precision = tf32"), HasSubstr("the CPU"), HasSubstr("precision = float32")));
  EXPECT_THAT(message_of<DeviceError>(
                  [] { require_tf32("fisher", kSecondGpu, {.name = "Tesla T4", .compute_capability = 75}); }),
              AllOf(HasSubstr("[fisher] precision = tf32"), HasSubstr("cuda:1, Tesla T4, of 7.5")));
}

class DriverVersion : public ::testing::Test {
 protected:
  std::string of(const std::string& text) const {
    root_.write("proc/driver/nvidia/version", text);
    return nvidia_driver_version(root_.path());
  }
  test::TemporaryFolder root_;
};

TEST_F(DriverVersion, IsReadFromTheKernel) {
  EXPECT_EQ(of("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC 12.2\n"),
            "535.104.05");
  EXPECT_EQ(of("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (root@host)\n"),
            "580.95.05");
}

TEST_F(DriverVersion, IsUnknownWhereTheKernelDoesNotTell) {
  EXPECT_EQ(nvidia_driver_version(root_.path()), "unknown");
  EXPECT_EQ(of("NVRM version: none\n580.95.05\n"), "unknown");
}

}  // namespace
}  // namespace tunescope
