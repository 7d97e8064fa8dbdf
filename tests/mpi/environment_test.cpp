#include "tunescope/parallel/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

extern tunescope::RankTeam* team;

namespace tunescope {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Singletons : public ::testing::Test {
 protected:
  Singletons() {
    if (team->size() > 1) skip_ = true;
    for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}) {
      ::unsetenv(name);
    }
  }
  void SetUp() override {
    if (skip_) GTEST_SKIP() << "for one rank";
  }
  static std::string refusal() {
    return test::message_of<EnvironmentError>([] { refuse_singletons(team->size()); });
  }
  bool skip_ = false;
};

TEST_F(Singletons, AreRefusedWhereALauncherAnnouncesMore) {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}) {
    ::setenv(name, "4", 1);
    EXPECT_THAT(refusal(), AllOf(HasSubstr(std::string(name) + " announces 4 tasks"), HasSubstr("mpirun -n 1")));
    ::unsetenv(name);
  }
}

TEST_F(Singletons, AreAcceptedWhereTheLauncherStartedOneRankOfALargerAllocation) {
  ::setenv("SLURM_NTASKS", "4", 1);
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    ::setenv(name, "1", 1);
    EXPECT_EQ(refusal(), "") << name;
    ::unsetenv(name);
  }
}

TEST_F(Singletons, AreAcceptedWhereNothingAnnouncesMore) {
  EXPECT_EQ(refusal(), "");
  ::setenv("SLURM_NTASKS", "1", 1);
  EXPECT_EQ(refusal(), "");
}

}  // namespace
}  // namespace tunescope
