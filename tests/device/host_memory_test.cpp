#include "tunescope/device/host_memory.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "support/temporary_folder.hpp"

namespace tunescope {
namespace {

constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;
constexpr double kMebibyte = 1024.0 * 1024.0;

// A machine with 32 GiB, 24 of them free, in a folder.
class HostMemory : public ::testing::Test {
 protected:
  HostMemory() {
    for (const char* name : {"SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"}) ::unsetenv(name);
    root_.write("proc/meminfo", "MemTotal:       33554432 kB\nMemAvailable:   25165824 kB\n");
    root_.write("proc/self/status", "Name:\ttest\nVmRSS:\t  102400 kB\n");
  }
  double available() const { return available_host_memory(root_.path()); }

  test::TemporaryFolder root_;
};

TEST_F(HostMemory, IsWhatTheMachineHasFree) { EXPECT_EQ(available(), 24 * kGibibyte); }

TEST_F(HostMemory, HasAPeakThatTheKernelTells) {
  EXPECT_EQ(peak_host_memory(root_.path()), 0) << "it does not";
  root_.write("proc/self/status", "Name:\ttest\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\n");
  EXPECT_EQ(peak_host_memory(root_.path()), 200 * 1024 * 1024);
  EXPECT_GT(peak_host_memory(), 1024 * 1024) << "of this process";
}

TEST_F(HostMemory, IsLimitedByAControlGroupOfVersion2) {
  root_.write("proc/self/cgroup", "0::/slurm/job_7\n");
  root_.write("sys/fs/cgroup/slurm/job_7/memory.max", "4294967296\n");
  root_.write("sys/fs/cgroup/slurm/job_7/memory.current", "1073741824\n");
  EXPECT_EQ(available(), 3 * kGibibyte);
  root_.write("sys/fs/cgroup/slurm/job_7/memory.stat", "anon 7\ninactive_file 268435456\nactive_file 268435456\n");
  EXPECT_EQ(available(), 3.5 * kGibibyte) << "the kernel gives up cached files";
}

TEST_F(HostMemory, IsLimitedByAControlGroupOfVersion1) {
  root_.write("proc/self/cgroup", "4:cpu,cpuset:/job_7\n11:hugetlb,memory:/slurm/job_7\n0::/system.slice\n");
  root_.write("sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes", "4294967296\n");
  root_.write("sys/fs/cgroup/memory/slurm/job_7/memory.usage_in_bytes", "1073741824\n");
  EXPECT_EQ(available(), 3 * kGibibyte);
  root_.write("sys/fs/cgroup/memory/slurm/job_7/memory.stat", "inactive_file 1\ntotal_inactive_file 536870912\n");
  EXPECT_EQ(available(), 3.5 * kGibibyte);
}

TEST_F(HostMemory, IsLimitedByTheTightestGroupAbove) {
  root_.write("proc/self/cgroup", "3:memory:/slurm/job_7/step_0/task_1\n");
  root_.write("sys/fs/cgroup/memory/slurm/job_7/step_0/memory.limit_in_bytes", "9223372036854771712\n");
  root_.write("sys/fs/cgroup/memory/slurm/job_7/step_0/memory.usage_in_bytes", "1073741824\n");
  root_.write("sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes", "2147483648\n");
  root_.write("sys/fs/cgroup/memory/slurm/job_7/memory.usage_in_bytes", "1073741824\n");
  EXPECT_EQ(available(), kGibibyte);
}

TEST_F(HostMemory, IsLimitedByWhatSlurmSaysIfNoControlGroupLimits) {
  root_.write("proc/self/cgroup", "3:memory:/slurm\n");
  root_.write("sys/fs/cgroup/memory/slurm/memory.limit_in_bytes", "9223372036854771712\n");
  root_.write("sys/fs/cgroup/memory/slurm/memory.usage_in_bytes", "1073741824\n");
  ::setenv("SLURM_MEM_PER_NODE", "8192", 1);
  EXPECT_EQ(available(), 8 * kGibibyte - 100 * kMebibyte);
  ::unsetenv("SLURM_MEM_PER_NODE");
  ::setenv("SLURM_MEM_PER_CPU", "2048", 1);
  EXPECT_EQ(available(), 24 * kGibibyte) << "for an unknown number of cores";
  ::setenv("SLURM_CPUS_ON_NODE", "3", 1);
  EXPECT_EQ(available(), 6 * kGibibyte - 100 * kMebibyte);
  root_.write("sys/fs/cgroup/memory/slurm/memory.limit_in_bytes", "17179869184\n");
  EXPECT_EQ(available(), 15 * kGibibyte) << "a control group knows better";
}

TEST_F(HostMemory, IsNotLimitedBySlurmsZeroWhichIsTheWholeNode) {
  ::setenv("SLURM_MEM_PER_NODE", "0", 1);
  EXPECT_EQ(available(), 24 * kGibibyte);
}

}  // namespace
}  // namespace tunescope
