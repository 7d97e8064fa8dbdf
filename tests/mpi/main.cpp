#include <gtest/gtest.h>

#include "tunescope/mpi/environment.hpp"

const tunescope::Communicator* world = nullptr;

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const tunescope::MpiEnvironment mpi;
  world = &mpi.world();
  return RUN_ALL_TESTS();
}
