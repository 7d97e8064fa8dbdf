#include <gtest/gtest.h>

#include "tunescope/parallel/environment.hpp"

tunescope::RankTeam* team = nullptr;

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  tunescope::MpiEnvironment mpi;
  team = &mpi.world();
  return RUN_ALL_TESTS();
}
