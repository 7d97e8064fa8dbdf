#include <gtest/gtest.h>

#include <cstdio>

#include "tunescope/parallel/environment.hpp"

tunescope::RankTeam* team = nullptr;

namespace {

// What ranks other than 0 print: their failures alone, for all ranks run the same tests.
class FailurePrinter final : public ::testing::EmptyTestEventListener {
  void OnTestPartResult(const ::testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "[rank %d] %s:%d: %s\n", team->rank(), result.file_name(), result.line_number(),
                 result.message());
  }
};

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  tunescope::MpiEnvironment mpi;
  team = &mpi.world();
  if (!team->is_root()) {
    ::testing::TestEventListeners& listeners = ::testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailurePrinter);
  }
  return RUN_ALL_TESTS();
}
