#include "tunescope/schedule/simulation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace tunescope {
namespace {

// A trial of the next index.
void add(std::vector<SimulatedTrial>& trials, double seconds, std::optional<std::size_t> group = {},
         double work = 1.0) {
  trials.push_back({.queued = {.trial = trials.size(), .work = work, .group = group}, .seconds = seconds});
}

std::vector<SimulatedTrial> alone(const std::vector<double>& seconds) {
  std::vector<SimulatedTrial> trials;
  for (const double each : seconds) add(trials, each, {}, each);
  return trials;
}

std::vector<SimulatedTrial> simulated_group(std::size_t count) {
  std::vector<SimulatedTrial> trials;
  for (std::size_t i = 0; i < count; ++i) add(trials, 1.0, 0);
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

TEST(Simulation, CoTrainedTrialsHaveEqualSharesOfTheirDevice) {
  std::vector<SimulatedTrial> trials;
  add(trials, 4.0, 0);
  add(trials, 1.0, 0);
  EXPECT_DOUBLE_EQ(simulate(trials, 1, 2).makespan, 5.0);  // the short one ends after 2 s
  EXPECT_DOUBLE_EQ(simulate(trials, 2, 2).makespan, 4.0);  // none has room beside the other
}

// Of 8 trials of 1 s one device trains three at once and then one, the other two and then, one by one, the last two.
TEST(Simulation, GroupsBecomeSmallerTowardsTheEnd) {
  const std::vector<SimulatedTrial> trials = simulated_group(8);
  const Simulation simulation = simulate(trials, 2, 16);
  EXPECT_DOUBLE_EQ(simulation.makespan, 4.0);
  EXPECT_DOUBLE_EQ(simulation.lower_bound, 4.0);
}

TEST(Simulation, OfManyCoTrainedTrialsIsCloseToTheLowerBound) {
  std::vector<SimulatedTrial> trials;
  for (const double seconds : {1000.0, 900.0, 100.0, 10.0}) {
    for (int i = 0; i < 25; ++i) add(trials, seconds, {}, seconds);
    for (int i = 0; i < 200; ++i) add(trials, 0.7 * seconds, 0, 0.7 * seconds);
  }
  std::ranges::stable_sort(trials, std::greater<>(), &SimulatedTrial::seconds);
  const Simulation simulation = simulate(trials, 9, 16);
  EXPECT_LT(simulation.makespan, 1.05 * simulation.lower_bound);
}

TEST(Simulation, OfAHundredThousandTrialsEndsWithEveryTrialTrained) {
  const std::vector<SimulatedTrial> trials = simulated_group(100'000);
  const Simulation simulation = simulate(trials, 10'000, 16);
  EXPECT_DOUBLE_EQ(simulation.lower_bound, 10.0);
  EXPECT_LT(simulation.makespan, 10.5);
}

TEST(Simulation, OfASweepHasItsStagesOneAfterAnother) {
  std::vector<PlannedTrial> trials(4);
  const PlanTimes times{.trials = {3, 3, 3, 2},
                        .measured_trainings = {4.0, std::nullopt, 4.0},
                        .fisher_runs = {{.seconds = 6, .examples = 100}, {.seconds = 8, .examples = 1}}};
  const SweepPlan plan{.independent = {0, 1, 2},
                       .measured_trainings = std::vector<PlannedTrial>(3),
                       .fisher_runs = std::vector<PlannedFisher>(2),
                       .dependent = {3}};
  const Simulation simulation = simulate_sweep({.plan = plan, .trials = trials, .times = times}, 2, 16);
  EXPECT_DOUBLE_EQ(simulation.makespan, 6.0 + 4.0 + (3.0 + 8.0) + 2.0);  // one example keeps one device at work
  EXPECT_DOUBLE_EQ(simulation.lower_bound, (9.0 + 8.0 + 14.0 + 2.0) / 2.0);
  EXPECT_EQ(simulation.starts, TrialIndices({0, 1, 2, 3}));
}

TEST(Simulation, TrainsWhatScreeningChoosesWhenAllElseHasEnded) {
  std::vector<PlannedTrial> trials(4);
  for (const TrialIndex i : {2, 3}) trials[i].is_stand_in = true;
  const PlanTimes times{.trials = {5, 1, 3, 3}, .measured_trainings = {}, .fisher_runs = {}};
  const SweepPlan plan{
      .independent = {0, 1}, .measured_trainings = {}, .fisher_runs = {}, .dependent = {}, .stand_ins = {2, 3}};
  const Simulation simulation = simulate_sweep({.plan = plan, .trials = trials, .times = times}, 2, 16);
  EXPECT_DOUBLE_EQ(simulation.makespan, 5.0 + 3.0);
  EXPECT_EQ(simulation.starts, TrialIndices({0, 1, 2, 3}));
}

}  // namespace
}  // namespace tunescope
