#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/doctor/diagnosis.hpp"

namespace tunescope::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A rank that has two of a node's four cores to itself.
RankFacts sound_rank(int rank, const std::string& host) {
  return {.rank = rank,
          .host = host,
          .cores = 2,
          .node_cores = 4,
          .machine_cores = 4,
          .threads = 2,
          .threads_by = "",
          .memory_bytes = 8e9,
          .device = "cpu",
          .problems = {}};
}

std::vector<RankFacts> two_hosts() {
  return {sound_rank(0, "n1"), sound_rank(1, "n1"), sound_rank(2, "n2"), sound_rank(3, "n2")};
}

TEST(RankLines, AreOneForAllThatHaveTheSameToSay) {
  std::vector<RankFacts> ranks = two_hosts();
  ranks[3].memory_bytes = 5e9;
  std::vector<Fact> lines = rank_lines(ranks);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].name, "ranks 0-3");
  EXPECT_EQ(lines[0].value, "on n1, n2: 2 threads on 2 of 4 cores (4 in the machine), 5.0 GB of memory free, cpu");
  ranks[1].threads = 1;
  lines = rank_lines(ranks);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].name, "rank 1");
  EXPECT_EQ(lines[1].name, "ranks 0, 2-3");
}

TEST(RankLines, NameSomeHostsOfMany) {
  std::vector<RankFacts> ranks;
  for (int rank = 0; rank < 64; ++rank) ranks.push_back(sound_rank(rank, "n" + std::to_string(rank)));
  EXPECT_THAT(rank_lines(ranks)[0].value, HasSubstr("on n0, n1, n2 and 61 others: "));
}

TEST(RankProblems, AreNoneOfSoundRanks) { EXPECT_THAT(rank_problems(two_hosts()), IsEmpty()); }

TEST(RankProblems, AreMoreThreadsThanCores) {
  std::vector<RankFacts> ranks = two_hosts();
  for (RankFacts& rank : ranks) rank.threads = 8, rank.threads_by = "OMP_NUM_THREADS";
  EXPECT_THAT(rank_problems(ranks), ElementsAre(AllOf(HasSubstr("on n1 a rank has 8 threads on 2 cores"),
                                                      HasSubstr("OMP_NUM_THREADS says so"), HasSubstr("--bind-to none"),
                                                      HasSubstr("--cpus-per-task=8")),
                                                HasSubstr("on n2 a rank has 8 threads on 2 cores")));
  for (RankFacts& rank : ranks) rank.device = "cuda:0 (NVIDIA H200)";
  EXPECT_THAT(rank_problems(ranks), IsEmpty()) << "threads hardly matter where a GPU computes";
}

TEST(RankProblems, AreRanksThatShareTheirCores) {
  std::vector<RankFacts> ranks = two_hosts();
  ranks.push_back(sound_rank(4, "n2"));
  EXPECT_THAT(rank_problems(ranks), ElementsAre(AllOf(HasSubstr("on n2 3 ranks with 2 threads each share 4 cores"),
                                                      HasSubstr("start at most 2 ranks there"))));
}

TEST(RankProblems, IsAQuotaBelowTheThreads) {
  std::vector<RankFacts> ranks = {sound_rank(0, "n1")};
  ranks[0].core_quota = 2.0;
  EXPECT_THAT(rank_problems(ranks), IsEmpty());
  ranks[0].core_quota = 1.5;
  EXPECT_THAT(rank_problems(ranks), ElementsAre(HasSubstr("the time of 1.5 cores to 2 threads")));
}

TEST(RankProblems, IsMemoryThatDoesNotSufficeForEachRank) {
  std::vector<RankFacts> ranks = two_hosts();
  ranks[0].memory_bytes = ranks[1].memory_bytes = 1.5e9;
  EXPECT_THAT(rank_problems(ranks),
              ElementsAre(AllOf(HasSubstr("on n1 2 ranks can allocate 1.5 GB"), HasSubstr("--mem"))));
}

TEST(RankProblems, IsAClockThatDiffers) {
  std::vector<RankFacts> ranks = two_hosts();
  ranks[2].seconds_ahead = ranks[3].seconds_ahead = 0.5;
  EXPECT_THAT(rank_problems(ranks), IsEmpty());
  ranks[2].seconds_ahead = ranks[3].seconds_ahead = -7.0;
  EXPECT_THAT(rank_problems(ranks), ElementsAre(HasSubstr("the clock of n2 is 7.0 s behind that of n1")));
}

TEST(RankProblems, AreThoseThatRanksFoundEachOnce) {
  std::vector<RankFacts> ranks = two_hosts();
  for (RankFacts& rank : ranks) rank.problems = {"ulimit -n allows 64 open files"};
  EXPECT_THAT(rank_problems(ranks), ElementsAre("ulimit -n allows 64 open files"));
}

}  // namespace
}  // namespace tunescope::cli
