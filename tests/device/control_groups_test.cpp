#include "tunescope/device/control_groups.hpp"

#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"

namespace tunescope {
namespace {

TEST(CoreQuota, IsThatOfTheTightestGroupOfVersion2) {
  const test::TemporaryFolder root;
  root.write("proc/self/cgroup", "0::/slurm/job_7\n");
  EXPECT_EQ(core_quota(root.path()), std::nullopt);
  root.write("sys/fs/cgroup/slurm/job_7/cpu.max", "max 100000\n");
  EXPECT_EQ(core_quota(root.path()), std::nullopt);
  root.write("sys/fs/cgroup/slurm/cpu.max", "400000 100000\n");
  EXPECT_EQ(core_quota(root.path()), 4.0);
  root.write("sys/fs/cgroup/slurm/job_7/cpu.max", "150000 100000\n");
  EXPECT_EQ(core_quota(root.path()), 1.5);
}

TEST(CoreQuota, IsThatOfTheGroupOfVersion1) {
  const test::TemporaryFolder root;
  root.write("proc/self/cgroup", "4:cpu,cpuacct:/job_7\n3:memory:/job_7\n");
  root.write("sys/fs/cgroup/cpu/job_7/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu/job_7/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(core_quota(root.path()), std::nullopt);
  root.write("sys/fs/cgroup/cpu/job_7/cpu.cfs_quota_us", "50000\n");
  EXPECT_EQ(core_quota(root.path()), 0.5);
}

}  // namespace
}  // namespace tunescope
