#include "tunescope/sweep/simulation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace tunescope {
namespace {

std::vector<SimulatedTrial> alone(const std::vector<double>& seconds) {
  std::vector<SimulatedTrial> trials;
  for (const double each : seconds) trials.push_back({.flops = each, .seconds = each});
  return trials;
}

// Graham 1969, figure 3: longest first on 2 devices gives 7 where 6 is possible.
TEST(Simulation, IsListScheduling) {
  const Simulation simulation = simulate(alone({3, 3, 2, 2, 2}), 2, 16);
  EXPECT_DOUBLE_EQ(simulation.makespan, 7.0);
  EXPECT_DOUBLE_EQ(simulation.lower_bound, 6.0);
}

TEST(Simulation, LongestTaskBoundsIt) {
  const Simulation simulation = simulate(alone({9, 1, 1}), 8, 16);
  EXPECT_DOUBLE_EQ(simulation.makespan, 9.0);
  EXPECT_DOUBLE_EQ(simulation.lower_bound, 9.0);
  EXPECT_DOUBLE_EQ(simulate({}, 3, 16).makespan, 0.0);
}

TEST(Simulation, LanesHaveEqualSharesOfTheirDevice) {
  const std::vector<SimulatedTrial> trials = {{.flops = 1, .seconds = 4, .lane_group = 0},
                                              {.flops = 1, .seconds = 1, .lane_group = 0}};
  EXPECT_DOUBLE_EQ(simulate(trials, 1, 2).makespan, 5.0);  // the short one ends after 2 s
  EXPECT_DOUBLE_EQ(simulate(trials, 2, 2).makespan, 4.0);  // none has room beside the other
}

// Of 8 trials of 1 s one device trains three at once and then one, the other two and then, one by one, the last two.
TEST(Simulation, GroupsBecomeSmallerTowardsTheEnd) {
  const std::vector<SimulatedTrial> trials(8, {.flops = 1, .seconds = 1, .lane_group = 0});
  const Simulation simulation = simulate(trials, 2, 16);
  EXPECT_DOUBLE_EQ(simulation.makespan, 4.0);
  EXPECT_DOUBLE_EQ(simulation.lower_bound, 4.0);
}

TEST(Simulation, OfManyTrialsInLanesIsCloseToTheLowerBound) {
  std::vector<SimulatedTrial> trials;
  for (const double seconds : {1000.0, 900.0, 100.0, 10.0}) {
    trials.insert(trials.end(), 25, {.flops = seconds, .seconds = seconds});
    trials.insert(trials.end(), 200, {.flops = 0.7 * seconds, .seconds = 0.7 * seconds, .lane_group = 0});
  }
  std::ranges::stable_sort(trials, std::greater<>(), &SimulatedTrial::flops);
  const Simulation simulation = simulate(trials, 9, 16);
  EXPECT_LT(simulation.makespan, 1.05 * simulation.lower_bound);
}

TEST(Simulation, OfAHundredThousandTrialsEndsWithEveryTrialTrained) {
  const std::vector<SimulatedTrial> trials(100'000, {.flops = 1, .seconds = 1, .lane_group = 0});
  const Simulation simulation = simulate(trials, 10'000, 16);
  EXPECT_DOUBLE_EQ(simulation.lower_bound, 10.0);
  EXPECT_LT(simulation.makespan, 10.5);
}

TEST(Simulation, OfASweepHasItsStagesOneAfterAnother) {
  const SweepWork work{
      .trials = alone({3, 3, 3}), .sources = alone({4, 4}), .fisher_runs = {{6, 100}, {8, 1}}, .waiting = alone({2})};
  const Simulation simulation = simulate_sweep(work, 2, 16);
  EXPECT_DOUBLE_EQ(simulation.makespan, 6.0 + 4.0 + (3.0 + 8.0) + 2.0);  // one example keeps one device at work
  EXPECT_DOUBLE_EQ(simulation.lower_bound, (9.0 + 8.0 + 14.0 + 2.0) / 2.0);
}

}  // namespace
}  // namespace tunescope
