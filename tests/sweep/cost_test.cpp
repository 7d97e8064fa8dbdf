#include "tunescope/sweep/cost.hpp"

#include <gtest/gtest.h>

#include "support/small_config.hpp"

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

// 2 floating-point operations a weight and token forward, 4 for each backward pass.
TEST(ExpectedFlops, OfAFisherRunAreThoseOfItsPassesOverItsExamples) {
  const double weights = 2 * (4 * 4 * 4 + 2 * 4 * 6) + 4 * 4 + 2 * 4;  // two layers, pooler, head
  TaskData data;
  data.task = &find_task("RTE");
  data.train.token_ids.resize(10);
  data.train.offsets = {0, 6, 10};
  FisherRun run{.source = trial("RTE", "full"), .examples = 0, .parameters = canonical_pool("all"), .keep = {}};
  const ParameterCatalogue catalogue(test::small_config(), 2);
  EXPECT_DOUBLE_EQ(expected_flops(run, catalogue, data), 6 * weights * 10);
  run.examples = 1;
  EXPECT_DOUBLE_EQ(expected_flops(run, catalogue, data), 6 * weights * 5);
  run.mode = FisherMode::kTrue;
  EXPECT_DOUBLE_EQ(expected_flops(run, catalogue, data), (2 + 2 * 4) * weights * 5);
}

}  // namespace
}  // namespace tunescope
