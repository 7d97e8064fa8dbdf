#include <gtest/gtest.h>

#include "tunescope/parallel/reducer.hpp"

namespace tunescope {
namespace {

// The factor 2 (n - 1) / n is that of nccl-tests (doc/PERFORMANCE.md).
TEST(AllReduceSpeed, HasTheBusBandwidthOfNcclTests) {
  const AllReduceSpeed speed{.bytes = 3'000'000, .seconds = 0.002, .ranks = 4};
  EXPECT_DOUBLE_EQ(speed.algorithm_bandwidth(), 1.5e9);
  EXPECT_DOUBLE_EQ(speed.bus_bandwidth(), 1.5e9 * 6 / 4);
  EXPECT_EQ(speed.text(), "3 MB over 4 ranks in 0.002 s: algorithm bandwidth 1.5 GB/s, bus bandwidth 2.25 GB/s");
}

TEST(AllReduceSpeed, OfOneRankNeedsNoBus) {
  EXPECT_EQ((AllReduceSpeed{.bytes = 8, .seconds = 1, .ranks = 1}).bus_bandwidth(), 0.0);
}

}  // namespace
}  // namespace tunescope
