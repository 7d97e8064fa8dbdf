#include "tunescope/mpi/communicator.hpp"

#include <gtest/gtest.h>

#include "tunescope/error.hpp"

extern const tunescope::Communicator* world;

namespace tunescope {
namespace {

TEST(Communicator, BroadcastsRankZerosText) {
  const std::string text(100000, 'x');
  EXPECT_EQ(world->broadcast(world->rank() == 0 ? text : "other"), text);
  EXPECT_EQ(world->broadcast(world->rank() == 0 ? "" : "other"), "");
}

TEST(Communicator, GathersByRank) {
  const auto values = world->all_gather(world->rank() * 3);
  ASSERT_EQ(values.size(), static_cast<std::size_t>(world->size()));
  for (std::size_t rank = 0; rank < values.size(); ++rank) EXPECT_EQ(values[rank], static_cast<std::int64_t>(rank) * 3);
}

TEST(Communicator, SplitsByNode) {
  const Communicator node = world->split_by_node();
  EXPECT_EQ(node.size(), world->size());
  EXPECT_EQ(node.rank(), world->rank());
}

TEST(Communicator, ReportsErrorsAsExceptions) { EXPECT_THROW(world->send(1, world->size(), 5), MpiError); }

}  // namespace
}  // namespace tunescope
