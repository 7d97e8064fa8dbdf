#include "tunescope/device/device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

Machine machine(int devices, bool has_driver) {
  return {.cuda = {.count = devices, .problem = devices > 0 ? "" : "the driver is too old"}, .has_driver = has_driver};
}

TEST(ChooseDevice, TakesTheGpuOfTheNodeLocalRank) {
  EXPECT_EQ(choose_device(DeviceKind::kAuto, 1, machine(4, true)).str(), "cuda:1");
  EXPECT_EQ(choose_device(DeviceKind::kAuto, 5, machine(4, true)).str(), "cuda:1");
}

TEST(ChooseDevice, TakesTheCpuIfThereIsNoGpu) {
  EXPECT_TRUE(choose_device(DeviceKind::kAuto, 0, machine(0, false)).is_cpu());
}

TEST(ChooseDevice, DoesNotSpendAMachineWithADriverOnTheCpuUnasked) {
  EXPECT_THAT(message_of<DeviceError>([] { choose_device(DeviceKind::kAuto, 0, machine(0, true)); }),
              AllOf(HasSubstr("NVIDIA driver"), HasSubstr("the driver is too old"), HasSubstr("--run.device cpu")));
  EXPECT_TRUE(choose_device(DeviceKind::kCpu, 0, machine(0, true)).is_cpu());
}

TEST(ChooseDevice, RefusesCudaIfThereIsNone) {
  EXPECT_THAT(message_of<DeviceError>([] { choose_device(DeviceKind::kCuda, 0, machine(0, false)); }),
              AllOf(HasSubstr("[run] device = cuda"), HasSubstr("the driver is too old")));
}

// As a driver may hang, or hold memory of a GPU for each process that asks it.
TEST(ChooseDevice, AsksNoDriverForTheCpu) {
  EXPECT_FALSE(Machine::look_for(DeviceKind::kCpu).has_looked);
  EXPECT_TRUE(Machine::look_for(DeviceKind::kAuto).has_looked);
  EXPECT_TRUE(choose_device(DeviceKind::kCpu, 0).is_cpu());
  EXPECT_THAT(Machine::look_for(DeviceKind::kCpu).text(), Not(HasSubstr("GPU")));
}

TEST(MachineText, NamesWhatWasFound) {
  EXPECT_THAT(machine(2, true).text(), HasSubstr(", 2 CUDA devices"));
  EXPECT_THAT(machine(0, false).text(), HasSubstr(", no GPU"));
  EXPECT_THAT(machine(0, true).text(), HasSubstr("an NVIDIA driver but no usable GPU: the driver is too old"));
}

TEST(PciIdentity, DiffersByDomainBusAndDevice) {
  EXPECT_EQ(pci_identity_of("0000:17:00.0"), 0x17000);
  EXPECT_EQ(pci_identity_of("0000:17:00.0"), pci_identity_of("0000:17:00.0"));
  for (const char* other : {"0001:17:00.0", "0000:18:00.0", "0000:17:01.0"}) {
    EXPECT_NE(pci_identity_of(other), pci_identity_of("0000:17:00.0")) << other;
  }
  EXPECT_GT(pci_identity_of("FFFFFFFF:FF:1F.7"), kNoIdentity);
}

TEST(PciIdentity, RefusesWhatIsNoBusId) {
  for (const char* text : {"", "GPU-0", "0000:17:00.0 "}) EXPECT_THROW(pci_identity_of(text), DeviceError) << text;
}

TEST(LoadedLibrary, MustNotBeOlderThanItsHeader) {
  LoadedLibrary nccl{
      .name = "NCCL", .file = "libnccl.so.2", .compiled = 22809, .loaded = 22703, .version_text = nccl_version_text};
  EXPECT_THAT(version_problem(nccl), AllOf(HasSubstr("NCCL 2.27.3"), HasSubstr("2.28.9"), HasSubstr("libnccl.so.2"),
                                           HasSubstr("LD_LIBRARY_PATH")));
  for (const int loaded : {22809, 22900}) {
    nccl.loaded = loaded;
    EXPECT_EQ(version_problem(nccl), "") << loaded;
  }
  EXPECT_EQ(cuda_version_text(13010), "13.1");
}

class NvidiaDriver : public ::testing::Test {
 protected:
  NvidiaDriver() { ::unsetenv("CUDA_VISIBLE_DEVICES"); }
  ~NvidiaDriver() override { ::unsetenv("CUDA_VISIBLE_DEVICES"); }
  bool is_found() const { return expects_gpu(root_.path()); }

  test::TemporaryFolder root_;
};

TEST_F(NvidiaDriver, IsFoundByWhatItPutsIntoProcOrDev) {
  EXPECT_FALSE(is_found());
  root_.write("dev/nvidiactl", "");
  EXPECT_TRUE(is_found());
  std::filesystem::remove(root_.path() / "dev/nvidiactl");
  root_.write("proc/driver/nvidia/version", "NVRM version");
  EXPECT_TRUE(is_found());
}

TEST_F(NvidiaDriver, DoesNotCountIfItsGpusAreHiddenOnPurpose) {
  root_.write("dev/nvidiactl", "");
  for (const char* hidden : {"", "-1", "NoDevFiles"}) {
    ::setenv("CUDA_VISIBLE_DEVICES", hidden, 1);
    EXPECT_FALSE(is_found());
  }
  ::setenv("CUDA_VISIBLE_DEVICES", "0", 1);
  EXPECT_TRUE(is_found());
}

class Threads : public ::testing::Test {
 protected:
  Threads() { clear(); }
  ~Threads() override { clear(); }
  static void clear() {
    ::unsetenv("OMP_NUM_THREADS");
    ::unsetenv("SLURM_CPUS_PER_TASK");
  }
};

TEST_F(Threads, AreThoseOfTheJob) {
  ::setenv("OMP_NUM_THREADS", "3", 1);
  EXPECT_EQ(choose_threads(5, 8, 4).count, 5);
}

TEST_F(Threads, AreThoseOfTheEnvironmentIfTheJobHasNone) {
  EXPECT_EQ(choose_threads(0, 8, 4).count, 4);
  ::setenv("SLURM_CPUS_PER_TASK", "2", 1);
  EXPECT_EQ(choose_threads(0, 8, 4).count, 2);
  EXPECT_EQ(choose_threads(0, 8, 4).variable, "SLURM_CPUS_PER_TASK");
  ::setenv("OMP_NUM_THREADS", "3,1", 1);
  EXPECT_EQ(choose_threads(0, 8, 4).count, 3);
  EXPECT_EQ(choose_threads(0, 8, 4).variable, "OMP_NUM_THREADS");
}

TEST_F(Threads, AreNoMoreThanTheCoresThatTheLauncherGave) {
  EXPECT_EQ(choose_threads(0, 1, 4).count, 1);
  ::setenv("SLURM_CPUS_PER_TASK", "8", 1);
  EXPECT_EQ(choose_threads(0, 1, 4).count, 1);
  EXPECT_EQ(choose_threads(0, 1, 4).variable, "");
}

TEST_F(Threads, AreNotChangedByWhatIsNoNumber) {
  for (const char* text : {"", "many", "0", "-2"}) {
    ::setenv("OMP_NUM_THREADS", text, 1);
    EXPECT_EQ(choose_threads(0, 8, 4).count, 4) << text;
  }
}

}  // namespace
}  // namespace tunescope
