#include "tunescope/sweep/cost.hpp"

#include <gtest/gtest.h>

namespace tunescope {
namespace {

Trial trial(const std::string& task, const std::string& method) {
  Trial result;
  result.task = task;
  result.method = parse_method(method);
  return result;
}

TEST(CostModel, PredictsFromTheNearestMeasuredTrials) {
  CostModel model;
  EXPECT_FALSE(model.seconds(trial("RTE", "full"), 100.0));
  model.add(trial("CoLA", "head"), 10.0, 10.0);
  EXPECT_DOUBLE_EQ(model.seconds(trial("RTE", "full"), 100.0).value(), 100.0);  // of all
  model.add(trial("CoLA", "full"), 10.0, 20.0);
  EXPECT_DOUBLE_EQ(model.seconds(trial("RTE", "full"), 100.0).value(), 200.0);  // of the method
  for (const double seconds : {30.0, 1000.0, 20.0}) model.add(trial("RTE", "full"), 10.0, seconds);
  EXPECT_DOUBLE_EQ(model.seconds(trial("RTE", "full"), 100.0).value(), 300.0);  // the median of its own
}

TEST(CostModel, IgnoresTrialsWithoutTimeOrWork) {
  CostModel model;
  model.add(trial("RTE", "full"), 0.0, 1.0);
  model.add(trial("RTE", "full"), 1.0, 0.0);
  EXPECT_FALSE(model.seconds(trial("RTE", "full"), 100.0));
}

// Graham 1969, figure 3: longest first on 2 devices gives 7 where 6 is possible.
TEST(Simulation, IsListScheduling) {
  const Simulation simulation = simulate({3, 3, 2, 2, 2}, 2);
  EXPECT_DOUBLE_EQ(simulation.makespan, 7.0);
  EXPECT_DOUBLE_EQ(simulation.lower_bound, 6.0);
}

TEST(Simulation, LongestTaskBoundsIt) {
  const Simulation simulation = simulate({9, 1, 1}, 8);
  EXPECT_DOUBLE_EQ(simulation.makespan, 9.0);
  EXPECT_DOUBLE_EQ(simulation.lower_bound, 9.0);
  EXPECT_DOUBLE_EQ(simulate({}, 3).makespan, 0.0);
}

}  // namespace
}  // namespace tunescope
