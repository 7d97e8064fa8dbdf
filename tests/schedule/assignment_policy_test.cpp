#include "tunescope/schedule/assignment_policy.hpp"

#include <gtest/gtest.h>

namespace tunescope {
namespace {

std::vector<QueuedTrial> of_one_group(std::size_t count) {
  std::vector<QueuedTrial> queue;
  for (TrialIndex trial = 0; trial < count; ++trial) queue.push_back({.trial = trial, .group = 0});
  return queue;
}

std::size_t take_with_companions(AssignmentPolicy& policy, std::size_t rank) {
  const std::optional<TrialIndex> first = policy.assign(rank);
  if (!first) return 0;
  std::size_t taken = 1;
  while (policy.assign_companion(rank, *first)) ++taken;
  return taken;
}

TEST(AssignmentPolicy, GivesALoneRankEverything) {
  AssignmentPolicy policy(of_one_group(10), 1);
  EXPECT_EQ(take_with_companions(policy, 0), 10U);
}

TEST(AssignmentPolicy, GivesARankItsShareOfWhatNoOtherHas) {
  AssignmentPolicy policy(of_one_group(40), 4);
  EXPECT_EQ(take_with_companions(policy, 0), 10U);  // of 40
  EXPECT_EQ(take_with_companions(policy, 1), 7U);   // of 30
  EXPECT_EQ(take_with_companions(policy, 2), 5U);   // of 23
  EXPECT_EQ(take_with_companions(policy, 3), 4U);   // of 18
}

TEST(AssignmentPolicy, CountsWorkNotTrials) {
  std::vector<QueuedTrial> queue = of_one_group(11);
  queue.front().work = 10.0;
  AssignmentPolicy policy(queue, 2);
  EXPECT_EQ(take_with_companions(policy, 0), 1U);  // the long one
  EXPECT_EQ(take_with_companions(policy, 1), 5U);
}

TEST(AssignmentPolicy, GivesLessTheLessIsLeft) {
  AssignmentPolicy policy(of_one_group(8), 2);
  EXPECT_EQ(take_with_companions(policy, 0), 4U);
  EXPECT_EQ(take_with_companions(policy, 1), 2U);
  for (const TrialIndex trial : {0, 1, 2, 3}) policy.finish(0, trial);
  EXPECT_EQ(take_with_companions(policy, 0), 1U);
}

TEST(AssignmentPolicy, GivesWhatARankGaveBackToOthersOnceAllElseIsAssigned) {
  AssignmentPolicy policy(of_one_group(6), 2);
  EXPECT_EQ(policy.assign(0), 0U);
  EXPECT_EQ(policy.assign_companion(0, 0), 1U);
  for (const TrialIndex trial : {0, 1}) policy.give_back(0, trial);
  for (const TrialIndex expected : {2, 3, 4, 5, 0, 1}) EXPECT_EQ(policy.assign(1), expected);
  EXPECT_FALSE(policy.has_unassigned());
}

TEST(AssignmentPolicy, GivesWhatARankGaveBackAsACompanionToo) {
  AssignmentPolicy policy(of_one_group(3), 1);
  EXPECT_EQ(take_with_companions(policy, 0), 3U);
  for (const TrialIndex trial : {0, 1, 2}) policy.give_back(0, trial);
  EXPECT_EQ(take_with_companions(policy, 0), 3U);
}

TEST(AssignmentPolicy, SharesAmongTheRanksThatHaveNotLeft) {
  AssignmentPolicy policy(of_one_group(12), 4);
  EXPECT_EQ(policy.assign(3), 0U);
  policy.give_back(3, 0);
  policy.leave();
  EXPECT_EQ(take_with_companions(policy, 0), 4U);  // of 12, for three ranks
}

TEST(AssignmentPolicy, TrainsOnlyTrialsOfOneGroupTogether) {
  std::vector<QueuedTrial> queue = of_one_group(6);
  queue.front().group.reset();
  for (const std::size_t odd : {1, 3, 5}) queue[odd].group = 1;
  AssignmentPolicy policy(queue, 1);
  EXPECT_EQ(take_with_companions(policy, 0), 1U);
  EXPECT_EQ(policy.assign(0), 1U);
  EXPECT_EQ(policy.assign_companion(0, 1), 3U);
  EXPECT_EQ(policy.assign_companion(0, 1), 5U);
  EXPECT_EQ(policy.assign_companion(0, 1), std::nullopt);
  EXPECT_EQ(policy.assign(0), 2U);
}

}  // namespace
}  // namespace tunescope
