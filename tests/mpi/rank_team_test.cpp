#include "tunescope/parallel/rank_team.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

extern tunescope::RankTeam* team;

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(RankTeam, ReturnsRankZerosValueOnEveryRank) {
  const std::string text(100'000, 'x');
  int calls = 0;
  EXPECT_EQ(team->on_root([&] { return ++calls, text; }), text);
  EXPECT_EQ(calls, team->is_root() ? 1 : 0);
  EXPECT_EQ(team->on_root([] { return std::string(); }), "");
  EXPECT_EQ(team->on_root([] { return std::vector<std::size_t>{3, 1, 2}; }), (std::vector<std::size_t>{3, 1, 2}));
  EXPECT_EQ(team->on_root([] { return std::vector<std::size_t>(); }), std::vector<std::size_t>());
  struct Point {
    int x;
    double y;
  };
  EXPECT_EQ(team->on_root([] { return Point{.x = 1, .y = 2.5}; }).y, 2.5);
}

TEST(RankTeam, ThrowsOnEveryRankWhatRankZeroThrows) {
  const auto fail = [] { team->on_root([] { throw ConfigError("no such job"); }); };
  if (team->is_root()) {
    EXPECT_EQ(message_of<ConfigError>(fail), "no such job");
  } else {
    EXPECT_EQ(message_of<PeerError>(fail), "rank 0: no such job");
  }
  EXPECT_EQ(team->on_root([] { return 1; }), 1);  // all ranks are together again
}

TEST(RankTeam, AsksWhetherSomethingHoldsOnAnyOrAllRanks) {
  const bool is_last = team->rank() == team->size() - 1;
  EXPECT_TRUE(team->any_of(is_last));
  EXPECT_FALSE(team->any_of(false));
  EXPECT_TRUE(team->all_of(true));
  EXPECT_EQ(team->all_of(is_last), team->size() == 1);
}

TEST(RankTeam, GathersByRank) {
  const auto values = team->all_gather(team->rank() * 3);
  ASSERT_EQ(values.size(), static_cast<std::size_t>(team->size()));
  for (std::size_t rank = 0; rank < values.size(); ++rank) EXPECT_EQ(values[rank], static_cast<std::int64_t>(rank) * 3);
}

TEST(RankTeam, BroadcastsFromAnyRank) {
  const int source = team->size() - 1;
  EXPECT_EQ(team->broadcast("rank " + std::to_string(team->rank()), source), "rank " + std::to_string(source));
}

TEST(RankTeam, SplitsByNode) {
  const RankTeam node = team->split_by_node();
  EXPECT_EQ(node.size(), team->size());
  EXPECT_EQ(node.rank(), team->rank());
}

TEST(RankTeam, NoticesThatRanksAreInDifferentCallsAndNamesThem) {
  if (team->size() == 1) GTEST_SKIP() << "for several ranks";
  const bool is_last = team->rank() == team->size() - 1;
  const auto call = [&] {
    if (is_last) {
      team->any_of(true);
    } else {
      team->barrier();
    }
  };
  EXPECT_THAT(message_of<MpiError>(call),
              AllOf(HasSubstr("rank 0 at rank_team_test.cpp:"), HasSubstr(std::to_string(team->size() - 1) + " at")));
}

TEST(RankTeam, NoticesThatRanksAreAtDifferentPlacesWithTheSameCall) {
  if (team->size() == 1) GTEST_SKIP() << "for several ranks";
  const auto call = [] {
    if (team->is_root()) {
      team->barrier();
    } else {
      team->barrier();
    }
  };
  EXPECT_THAT(message_of<MpiError>(call), HasSubstr("different collective calls"));
}

TEST(Communicator, ReportsErrorsAsExceptions) {
  EXPECT_THROW(team->communicator().send(1, team->size(), Tag::kToWorker), MpiError);
}

}  // namespace
}  // namespace tunescope
