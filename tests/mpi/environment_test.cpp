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
    EXPECT_THAT(refusal(), AllOf(HasSubstr(std::string(name) + " announces 4 tasks"), HasSubstr("mpirun -n 1"),
                                 HasSubstr("srun --mpi=list")));
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

TEST_F(Singletons, OfSrunWithoutPmixAreRecognizedBeforeMpiIsInitialized) {
  const char* const of_mpirun = std::getenv("PMIX_NAMESPACE");
  const std::string before = of_mpirun == nullptr ? "" : of_mpirun;
  ::unsetenv("PMIX_NAMESPACE");
  EXPECT_EQ(find_launcher(), Launcher::kNone);
  ::setenv("SLURM_STEP_ID", "0", 1);
  EXPECT_THAT(launch_problem(), AllOf(HasSubstr("srun --mpi=pmix"), HasSubstr("srun --mpi=list"), HasSubstr("mpirun")));
  ::setenv("PMIX_NAMESPACE", "slurm.pmix.7.0", 1);
  EXPECT_EQ(find_launcher(), Launcher::kSrun);
  EXPECT_EQ(launch_problem(), "");
  ::unsetenv("PMIX_NAMESPACE");
  ::setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
  EXPECT_EQ(find_launcher(), Launcher::kMpirun) << "in a shell that srun has started";
  EXPECT_EQ(launch_problem(), "");
  ::unsetenv("OMPI_COMM_WORLD_SIZE");
  ::unsetenv("SLURM_STEP_ID");
  if (!before.empty()) ::setenv("PMIX_NAMESPACE", before.c_str(), 1);
}

}  // namespace
}  // namespace tunescope
